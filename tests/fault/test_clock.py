#!/usr/bin/env python3
"""The wall clock is set forward and back by an hour, or begins in 1970: nothing is lost, no device
falls silent by it, each reading has the right time, and an alarm does not wait for it."""

import os
import struct
import time

import faults  # first: it finds the others
import stub_database as stub
from city import City, now_ms, wait_for
from harness import expect, run

HOUR_MS = 3600 * 1000
SILENCE_S = 60
LEAK = 1.9

QUIET = {
    "profile": "fault_quiet", "kind": "water_main", "title": {"en": "quiet", "zh": "静默"},
    "channels": {"pressure": {"unit": "MPa", "min": 0, "max": 2, "detectors": [
        {"detector": "silence", "after_s": SILENCE_S, "priority": "low"},
        {"detector": "limit", "above": LEAK - 0.1, "priority": "high"}]}},
}


def fixture(folder):
    c = City(folder, influx=False, start=False)
    c.library, c.clock = faults.preload_library(folder, "wall_clock"), folder / "clock"
    c.database = stub.StubDatabase()
    c.gateway.config["destinations"] = [c.database.destination()]
    c.gateway.write_config()
    c.values = []
    try:
        c.broker.start()
        set_clock(c, 0)
        start(c)
        c.import_rows("profile", QUIET)
        c.import_rows("asset", [{"id": "q1", "kind": "water_main"}])
        c.import_rows("device", [{"id": "q1", "asset": "q1", "profile": "fault_quiet"}])
        yield c
        c.gateway.stop()
    finally:
        c.services.end_all()
        c.database.stop()


def set_clock(c, off_ms):
    c.clock.write_bytes(struct.pack("q", off_ms))


def start(c):
    c.gateway.process = c.services.start(
        "lifelined", [c.services.program("lifelined"), "-c", c.gateway.config_file],
        env=dict(os.environ, LD_PRELOAD=str(c.library), LIFELINE_WALL_CLOCK=str(c.clock)))
    wait_for("the gateway's API", lambda: c.gateway.process.check_runs() and c.gateway.answers())
    c.gateway.wait_connected()


def stamped(c, off_ms):
    """Sends a reading without a time, under a clock that is off by so much: the time it gets."""
    set_clock(c, off_ms)
    time.sleep(1.2)  # a tick of the gateway's, which would tell it of so much time
    value = 0.1 + len(c.values) / 100
    c.values.append(value)
    c.send({"r": {"pressure": value}}, "q1")
    c.settle()
    found = [ts for (_, _, ts), text in c.database.readings().items() if float(text) == value]
    expect(len(found), 1, "points with %s" % value)
    return found[0]


def each_reading_is_stamped_once_whatever_the_clock_does(c):
    for off_ms in (0, HOUR_MS, 0, -HOUR_MS, HOUR_MS, 0):
        before = now_ms() + off_ms
        ts = stamped(c, off_ms)
        expect(before <= ts <= now_ms() + off_ms, True, "%d under a clock off by %d" % (ts, off_ms))
    expect(len(c.database.readings()), len(c.values), "points")


def no_device_is_silent_by_it(c):
    expect(c.gateway.ctl("alarms", "list", "--all")["items"], [], "alarms")


def the_books_balance(c):
    books = faults.expect_balanced(c.gateway)
    expect(books["readings"]["forwarded"], len(c.values), "forwarded of %s" % books)


def so_they_do_after_a_start_an_hour_earlier(c):
    c.gateway.stop()
    set_clock(c, -HOUR_MS)
    start(c)
    stamped(c, -HOUR_MS)
    no_device_is_silent_by_it(c)
    the_books_balance(c)


def in_1970_readings_wait_and_an_alarm_does_not(c):
    c.gateway.stop()
    points = len(c.database.readings())
    set_clock(c, 60000 - now_ms())
    start(c)
    c.early = []
    for value in (1.1, 1.2, LEAK):
        before = now_ms()
        c.send({"r": {"pressure": value}}, "q1")
        time.sleep(0.3)
        c.early.append((value, before, now_ms()))
    wait_for("the alarm", lambda: c.gateway.ctl("alarms")["items"])
    expect(c.gateway.get("/api/v1/status")["time_known"], False, "time_known")
    books = faults.expect_balanced(c.gateway)
    expect(books["messages"]["in_flight"], len(c.early), "messages in flight")
    expect(len(c.database.readings()), points, "points")
    expect(c.database.alarms(), [], "alarms in the database")


def when_it_is_set_they_have_the_time_at_which_they_came(c):
    set_clock(c, 0)
    c.settle()
    expect(c.gateway.get("/api/v1/status")["time_known"], True, "time_known")
    for value, before, after in c.early:
        found = [ts for (_, _, ts), text in c.database.readings().items() if float(text) == value]
        expect(len(found), 1, "points with %s" % value)
        expect(before <= found[0] <= after, True, "%d of what was sent at %d" % (found[0], before))
    c.values += [value for value, _, _ in c.early]
    the_books_balance(c)
    alarm = c.gateway.ctl("alarms")["items"][0]
    _, before, after = c.early[-1]
    expect(before <= alarm["raised_ms"] <= after, True, "%d of %d" % (alarm["raised_ms"], before))
    wait_for("the alarm in the database", c.database.alarms)
    expect([ts for _, _, ts in c.database.alarms()], [alarm["raised_ms"]], "alarms' times")


if __name__ == "__main__":
    run([each_reading_is_stamped_once_whatever_the_clock_does, no_device_is_silent_by_it,
         the_books_balance, so_they_do_after_a_start_an_hour_earlier,
         in_1970_readings_wait_and_an_alarm_does_not,
         when_it_is_set_they_have_the_time_at_which_they_came], fixture)
