#!/usr/bin/env python3
"""Databases that refuse, stall, lie or break off: what they say is told, and once they are good
each reading is delivered or in quarantine with the server's words."""

import faults  # first: it finds the others
import stub_database as stub
from city import City, now_ms, wait_for
from harness import expect, expect_in, run

RETRY_AFTER_S = 3
TOO_LARGE_BYTES = 600
READINGS = 40
BAD = "pressure_mpa=0.666"

# Each is a destination of the same gateway: its mode, and what `status` says of it.
FAULTS = {
    "refuses_all": (stub.refuses_lines_with(""), None),
    "refuses_some": (stub.refuses_lines_with(BAD), None),
    "too_large": (stub.refuses_larger_than(TOO_LARGE_BYTES), None),
    "unauthorised": (stub.status(401), "401 credentials refused: 401 " + stub.END_WORDS),
    "missing": (stub.status(404), "404 no such database, bucket or path: 404 " + stub.END_WORDS),
    "slow_down": (stub.status(429, "Retry-After: %d" % RETRY_AFTER_S),
                  "429 the database asks to slow down: 429 " + stub.END_WORDS),
    "broken": (stub.status(500), "500 not taken: 500 " + stub.END_WORDS),
    "away": (stub.status(503), "503 not taken: 503 " + stub.END_WORDS),
}
# What befalls the last ones later on: those that deliver again by then.
SECOND = {
    "unauthorised": (stub.says_nothing, "no answer: "),
    "missing": (stub.half_an_answer, "no answer: "),
    "slow_down": (stub.a_byte_a_second, "no answer: "),
    "broken": (stub.resets, "no answer: "),
    "away": (stub.no_http, "no answer: "),
    "too_large": (stub.half_a_body, ""),
}


def fixture(folder):
    c = City(folder, influx=False, start=False)
    c.stubs = {name: stub.StubDatabase(name) for name in FAULTS}
    c.gateway.config["destinations"] = [
        s.destination(timeout_s=2) for s in c.stubs.values()]
    c.gateway.write_config()
    c.readings = {}
    c.start(1)
    try:
        yield c
        c.gateway.stop()
    finally:
        c.services.end_all()
        for database in c.stubs.values():
            database.stop()


def send_readings(c, *values):
    """One after another, over one connection."""
    ts = now_ms() - 1000
    payloads = []
    for n, value in enumerate(values):
        c.seq += 1
        c.readings[("d1", "pressure_mpa", ts + n)] = str(value)
        payloads.append('{"seq":%d,"ts":%d,"r":{"pressure":%s}}' % (c.seq, ts + n, value))
    c.broker.publish_lines("lifeline/v1/up/d1", payloads)
    c.sent += len(payloads)


def status_of(c, name):
    for row in c.gateway.get("/api/v1/status")["destinations"]:
        if row["name"] == name:
            return row
    raise AssertionError("no destination %s" % name)


def of_readings(database):
    return [request for request in database.requests if not request.alarms]


def befall(c, faults_of_each):
    """From now on; a request under way belongs to what was before."""
    for name, (mode, _) in faults_of_each.items():
        c.stubs[name].mode = mode
        c.stubs[name].seen = len(of_readings(c.stubs[name]))


def wait_told(c, faults_of_each):
    for name, (_, words) in faults_of_each.items():
        if words is None:
            continue
        wait_for("%s to fail twice" % name,
                 lambda: len(of_readings(c.stubs[name])) >= c.stubs[name].seen + 2, 20)
        row = wait_for("%s in `status`" % name, lambda: (
            lambda r: r if not r["reachable"] and words in r["last_error"] else None)(
                status_of(c, name)), 10)
        expect(row["in_flight"] > 0, True, "%s: something waits" % name)


def each_fault_is_told_in_the_servers_words(c):
    befall(c, FAULTS)
    values = [round(0.1 + n / 1000, 3) for n in range(READINGS)]
    values[7] = values[23] = 0.666
    send_readings(c, *values)
    c.read(methane=55)
    wait_told(c, FAULTS)
    faults.expect_balanced(c.gateway)


def the_pause_that_a_server_asks_for_is_kept(c):
    requests = of_readings(c.stubs["slow_down"])
    gaps = [b.at - a.at for a, b in zip(requests, requests[1:])]
    expect(min(gaps) >= RETRY_AFTER_S - 0.05, True, "pauses of at least %d s: %s" % (
        RETRY_AFTER_S, gaps))


def no_fault_keeps_the_others_waiting(c):
    wait_for("the one that takes small requests", lambda: (
        lambda r: r["in_flight"] == 0 and r["alarms_in_flight"] == 0)(status_of(c, "too_large")))


def once_they_are_good_each_has_all(c):
    for name in FAULTS:
        if not name.startswith("refuses"):
            c.stubs[name].mode = stub.good
    c.settle(90)
    faults.expect_balanced(c.gateway)
    for name, database in c.stubs.items():
        wait_for("the alarm at %s" % name, lambda: status_of(c, name)["alarms_in_flight"] == 0, 60)
        expected = {} if name == "refuses_all" else {
            key: value for key, value in c.readings.items()
            if not (name == "refuses_some" and value == "0.666")}
        found = {key: value for key, value in database.readings().items()
                 if key[1] == "pressure_mpa"}
        expect(found, expected, "what is at %s" % name)
        expect(len(database.alarms()) > 0, name != "refuses_all", "an alarm at %s" % name)


def what_is_too_large_is_split_and_the_size_learnt(c):
    sizes = [len(r.body) for r in of_readings(c.stubs["too_large"])]
    too_large = [n for n in sizes if n > TOO_LARGE_BYTES]
    expect(0 < len(too_large) < 10, True, "few requests too large: %s" % sizes)


def what_was_refused_is_in_quarantine_with_the_servers_words(c):
    listed = c.gateway.get("/api/v1/quarantine?limit=1000")["items"]
    expected = {"refuses_all": READINGS + 1, "refuses_some": 2}  # readings; and methane
    for name, count in expected.items():
        rows = [row for row in listed if row["source"] == name]
        alarms = 1 if name == "refuses_all" else 0
        expect(len(rows), count + alarms, "originals of %s" % name)
        for row in rows:
            expect(row["reason"], "refused_by_database", "reason")
            expect_in(stub.END_WORDS, row["detail"], "the server's words")
        expect(status_of(c, name)["quarantined"], count, "readings %s put into quarantine" % name)
    expect({row["source"] for row in listed}, set(expected), "who refused something")


def answers_that_break_off_are_none(c):
    befall(c, SECOND)
    send_readings(c, *[round(0.3 + n / 1000, 3) for n in range(READINGS)])
    wait_told(c, SECOND)
    faults.expect_balanced(c.gateway)


def after_them_each_has_all_of_it_once(c):
    for name in SECOND:
        c.stubs[name].mode = stub.good
    c.settle(120)
    faults.expect_balanced(c.gateway)
    for name in SECOND:
        found = {key: value for key, value in c.stubs[name].readings().items()
                 if key[1] == "pressure_mpa"}
        expect(found, c.readings, "what is at %s" % name)
        row = status_of(c, name)
        expect((row["forwarded"], row["quarantined"], row["evicted"]),
               (len(c.readings) + 1, 0, 0), "the books of %s" % name)
        expect((row["reachable"], row["last_error"]), (True, ""), "the state of %s" % name)


if __name__ == "__main__":
    run([each_fault_is_told_in_the_servers_words, the_pause_that_a_server_asks_for_is_kept,
         no_fault_keeps_the_others_waiting, once_they_are_good_each_has_all,
         what_is_too_large_is_split_and_the_size_learnt,
         what_was_refused_is_in_quarantine_with_the_servers_words,
         answers_that_break_off_are_none, after_them_each_has_all_of_it_once], fixture)
