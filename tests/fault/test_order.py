#!/usr/bin/env python3
"""Messages come twice and three times, in disorder, and long after those that followed them, while
the gateway is killed: each reading is in the database once, and what is a duplicate or missing is
counted so."""

import json
import random

import faults  # first: it finds the others
from city import City, now_ms, wait_for
from harness import expect, run

SEED = 24
DEVICES = faults.short_or_soak(5, 50)
MESSAGES = faults.short_or_soak(600, 3000)  # of a device, in each test
PARTS = faults.short_or_soak(2, 10)  # after each of them the gateway is killed
WINDOW = 64  # numbers of a device that the gateway remembers
STEP_MS = 10
HIGH, LOW = 2.48, 2.48 - 0.2  # of the profile's alarm: above, and below its dead band


def fixture(folder):
    c = City(folder, start=False, intake={"checkpoint_interval_s": 1})
    c.random = random.Random(SEED)
    c.books = {}  # (device, field, ts): value
    c.messages = c.duplicates = c.missing = 0
    c.next_seq = 1
    try:
        c.broker.start()
        c.need_influx().start()
        c.gateway.start().wait_connected()
        faults.register(c, c.gateway, DEVICES)
        # The oldest of all messages; none is as old as the profile's limit of lateness.
        c.begin_ms = now_ms() - 4 * MESSAGES * STEP_MS
        yield c
        c.gateway.stop()
    finally:
        c.services.end_all()


def devices():
    return ["load-%06d" % n for n in range(1, DEVICES + 1)]


def messages_of(c, device):
    """[(number, payload)] in their order, noted in the books."""
    payloads = []
    for seq in range(c.next_seq, c.next_seq + MESSAGES):
        ts = c.begin_ms + seq * STEP_MS
        value = round(c.random.uniform(2.0, 2.6), 3)
        c.books[(device, "pressure_mpa", ts)] = value
        payloads.append((seq, json.dumps({"seq": seq, "ts": ts, "r": {"pressure": value}})))
    c.messages += MESSAGES
    return payloads


def repeated(c, payloads):
    """Each once, twice or three times, the second and the third after up to half a window."""
    order = []
    for place, (_, payload) in enumerate(payloads):
        times = c.random.choice((1, 1, 1, 2, 3))
        c.duplicates += times - 1
        order.append((place, payload))
        order += [(place + c.random.uniform(0, WINDOW / 2), payload) for _ in range(times - 1)]
    return [payload for _, payload in sorted(order, key=lambda item: item[0])]


def shuffled(c, payloads):
    """The first stays the first: of what is before it nobody knows that it will come."""
    order = [(place + c.random.uniform(0, WINDOW / 2) * (place > 0), payload)
             for place, payload in enumerate(payloads)]
    return [payload for _, payload in sorted(order, key=lambda item: item[0])]


def send(c, lines_of):
    """In parts; the gateway is killed after each."""
    sent = sum(map(len, lines_of.values()))
    for part in range(PARTS):
        for device, lines in lines_of.items():
            share = -(-len(lines) // PARTS)
            c.broker.publish_lines("lifeline/v1/up/" + device, lines[part * share:][:share])
        c.gateway.process.kill()
        c.gateway.start().wait_connected()
    c.next_seq += MESSAGES
    c.sent += sent


def expect_books(c):
    books = faults.wait_quiet(c.gateway, c.messages, 120)
    faults.expect_balanced(c.gateway)
    expect(books["messages"]["decoded"], c.messages, "decoded of %s" % books["messages"])
    # A message whose acknowledgement died with a gateway comes again from the broker.
    expect(books["messages"]["duplicate"] >= c.duplicates, True, "duplicate: %d of %d" % (
        books["messages"]["duplicate"], c.duplicates))
    expect(books["messages"]["received"], c.messages + books["messages"]["duplicate"], "received")
    expect(books["readings"]["forwarded"], c.messages, "forwarded of %s" % books["readings"])
    rows = c.influx.query("SELECT * FROM water_main")
    stored = {(row["device"], "pressure_mpa", row["time"]): row["pressure_mpa"] for row in rows}
    expect(len(rows), len(stored), "points, and different ones")
    wrong = [key for key in c.books.keys() | stored.keys() if c.books.get(key) != stored.get(key)]
    expect(wrong, [], "readings that differ, are missing or were never sent")
    found = sum(c.gateway.get("/api/v1/ledger?device=" + device)["messages"]["missing"]
                for device in devices())
    expect(found, c.missing, "missing")
    print("%d messages, %d duplicates, %d numbers missing" % (
        c.messages, books["messages"]["duplicate"], found))


def alarms_of(c, device):
    """The transitions that its readings in their order raise."""
    steps, high = [], False
    for key in sorted(key for key in c.books if key[0] == device):
        value = c.books[key]
        if value > HIGH and not high or high and value <= LOW:
            high = not high
            steps.append(high)
    return steps


def what_comes_twice_is_counted_and_raises_no_alarm_twice(c):
    lines = {device: repeated(c, messages_of(c, device)) for device in devices()}
    send(c, lines)
    expect_books(c)
    found = faults.transitions(c.gateway)
    for device in devices():
        steps = found[(device, "pressure", "high")]
        raised = [after in ("unacknowledged", "acknowledged") for _, after in steps]
        expect(len(raised), len(alarms_of(c, device)), "transitions of " + device)
        expect(raised == alarms_of(c, device), True, "transitions of %s: %s" % (device, steps[:4]))


def what_comes_in_disorder_is_neither_missing_nor_lost(c):
    lines = {}
    for device in devices():
        payloads = [payload for _, payload in messages_of(c, device)]
        lines[device] = shuffled(c, payloads)
    send(c, lines)
    expect_books(c)


def what_comes_long_after_those_that_followed_it_is_taken(c):
    """Past the window nobody knows which number was missing; it stays counted so."""
    lines = {}
    for device in devices():
        payloads = [payload for _, payload in messages_of(c, device)]
        late = [payloads.pop(c.random.randrange(1, MESSAGES // 2)) for _ in range(3)]
        for payload in late:
            payloads.insert(c.random.randrange(MESSAGES * 3 // 4, len(payloads)), payload)
        lines[device] = payloads
        c.missing += len(late)
    send(c, lines)
    expect_books(c)


if __name__ == "__main__":
    run([what_comes_twice_is_counted_and_raises_no_alarm_twice,
         what_comes_in_disorder_is_neither_missing_nor_lost,
         what_comes_long_after_those_that_followed_it_is_taken], fixture)
