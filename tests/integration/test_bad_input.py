#!/usr/bin/env python3
"""Bad input: each refusal is counted by its reason, kept and listed, and disturbs nothing else."""

import json

from city import City, expect_balance, now_ms
from harness import expect, expect_in, run

MAX_BYTES = 200000
YEAR_MS = 366 * 86400 * 1000


def reading(**values):
    return json.dumps({"r": values})


def at(ts):
    return json.dumps({"ts": ts, "r": {"pressure": 0.2}})


# device, payload, "messages" or "readings", reason
CASES = [
    ("d1", "not JSON", "messages", "malformed"),
    ("d1", "", "messages", "malformed"),
    ("d1", b"\xff\xfe\x00", "messages", "malformed"),
    ("d1", '{"r": [1, 2]}', "messages", "malformed"),
    ("d1", '{"r": {"pressure": 1', "messages", "malformed"),
    ("d1", "[" * 100000, "messages", "malformed"),
    ("nobody", reading(pressure=0.2), "messages", "unknown_device"),
    ("d1", reading(pressure=0.2) + " " * MAX_BYTES, "messages", "oversized"),
    ("d1", json.dumps({"batch": [{"r": {"pressure": 1}}] * 4097}), "messages",
     "too_many_readings"),
    ("d1", reading(presure=0.2), "readings", "unknown_channel"),
    ("d1", reading(pressure="0.2 MPa"), "readings", "not_a_number"),
    ("d1", reading(pressure=None), "readings", "not_a_number"),
    ("d1", reading(trips=1.5), "readings", "wrong_type"),
    ("d1", reading(pressure={"v": 3, "u": "Cel"}), "readings", "wrong_unit"),
    ("d1", reading(pressure={"v": 3, "u": "furlong"}), "readings", "wrong_unit"),
    ("d1", reading(pressure=99), "readings", "out_of_range"),
    ("d1", at(1000), "readings", "time_implausible"),
    ("d1", at(now_ms() + YEAR_MS), "readings", "time_ahead"),
]


def fixture(folder):
    c = City(folder, start=False, mqtt={"max_message_bytes": MAX_BYTES})
    try:
        # A retained message stands at the broker before the gateway comes.
        c.broker.start()
        c.broker.publish("lifeline/v1/up/d1", reading(pressure=0.7), retain=True)
        c.sent += 1
        if c.influx:
            c.influx.start()
        c.gateway.start()
        c.register(1)
        c.gateway.wait_connected()
        yield c
        c.gateway.stop()
    finally:
        c.services.end_all()


def a_retained_message_is_no_new_reading(c):
    c.read(pressure=0.1)
    books = c.settle()
    c.note_files()
    expect(books["messages"]["retained"], 1, "retained")


def each_refusal_is_counted_by_its_reason(c):
    for number, (device, payload, scope, reason) in enumerate(CASES):
        before = c.gateway.ledger()
        c.send(payload, device)
        after = c.settle()
        expect(after[scope]["rejected"][reason] - before[scope]["rejected"][reason], 1,
               "case %d, %s: %s" % (number, reason, json.dumps(after[scope])))
        expect_balance(after)


def a_good_reading_beside_a_bad_one_arrives(c):
    before = c.settle()["readings"]
    c.read(pressure=0.3, presure=0.3, door=True)
    after = c.settle()["readings"]
    stored = "forwarded" if c.influx else "kept"
    expect((after["decoded"] - before["decoded"], after[stored] - before[stored]), (3, 2),
           "decoded and stored")


def good_readings_in_between_are_in_the_database(c):
    influx = c.need_influx()
    ts = c.read(pressure="0.35", trips=7, door=0)
    c.settle()
    rows = influx.query("SELECT * FROM gas_pipe WHERE time = %dms" % ts)
    expect([(r["pressure_mpa"], r["trips"], r["door"]) for r in rows], [(0.35, 7, False)], "row")


def the_originals_are_kept_and_listed(c):
    listed = c.gateway.ctl("quarantine", "--limit", 1000)
    reasons = {item["reason"] for item in listed["items"]}
    for _, _, _, reason in CASES:
        expect_in(reason, reasons, "reasons in quarantine")
    unknown = [item for item in listed["items"] if item["reason"] == "unknown_device"]
    expect([(item["topic"], item["payload"]) for item in unknown],
           [("lifeline/v1/up/nobody", reading(pressure=0.2))], "the unknown device's message")
    text = c.gateway.ctl("quarantine", json_output=False).stdout
    expect_in("unknown_device", text, "quarantine for people")


def each_reason_has_its_line_in_the_log(c):
    log = c.gateway.process.log_text()
    for reason in {case[3] for case in CASES}:
        expect_in(reason, log, "the log")


def a_flood_of_refusals_is_counted_in_full_and_logged_in_part(c):
    before = c.gateway.ledger()["messages"]["rejected"]["malformed"]
    c.broker.publish_lines("lifeline/v1/up/d1", ["x%d" % n for n in range(2000)])
    c.sent += 2000
    after = c.settle()
    expect(after["messages"]["rejected"]["malformed"] - before, 2000, "malformed")
    lines = sum("malformed" in line for line in c.gateway.process.log_text().splitlines())
    expect(lines < 500, True, "fewer than 500 log lines (there are %d)" % lines)


def no_file_stays_open(c):
    c.expect_same_files()


if __name__ == "__main__":
    run([a_retained_message_is_no_new_reading, each_refusal_is_counted_by_its_reason,
         a_good_reading_beside_a_bad_one_arrives, good_readings_in_between_are_in_the_database,
         the_originals_are_kept_and_listed, each_reason_has_its_line_in_the_log,
         a_flood_of_refusals_is_counted_in_full_and_logged_in_part, no_file_stays_open], fixture)
