#!/usr/bin/env python3
"""Retained messages at connect: what devices said before the gateway came is shown, and is no
reading."""

import json

from city import City, expect_balance, now_ms, wait_for
from harness import expect, expect_in, run

DEVICES = 20
STRANGERS = 1  # not registered
TOLD = DEVICES + STRANGERS
LEAK = 50  # above the limit of the profile


def fixture(folder):
    c = City(folder, start=False, intake={"checkpoint_interval_s": 1})
    c.ts = now_ms() - 3600 * 1000
    c.told = 0
    try:
        c.gateway.start()
        c.register(DEVICES)
        c.gateway.stop()
        c.broker.start()
        if c.influx:
            c.influx.start()
        for device in [*("d%d" % n for n in range(1, DEVICES + 1)), "stranger"]:
            c.broker.publish("lifeline/v1/up/" + device, leak(c), retain=True)
        c.gateway.start().wait_connected()
        yield c
        c.gateway.stop()
    finally:
        c.services.end_all()


def leak(c):
    return json.dumps({"seq": 1, "ts": c.ts, "r": {"methane": LEAK}})


def told_again(c):
    """The books, once the broker has told its retained messages one time more."""
    c.told += TOLD
    c.sent += TOLD
    books = c.settle()
    expect_balance(books)
    expect(books["messages"]["retained"], c.told, "retained")
    return books


def methane(c, device="d1"):
    shown = c.gateway.ctl("ledger", "--device", device)["channels"]
    row = next(row for row in shown if row["channel"] == "methane")
    return row["value"], row["retained"]


def expect_no_reading(c, books):
    expect(books["messages"]["received"], c.told, "received")
    expect(sum(books["messages"]["rejected"].values()), 0, "rejected messages")
    expect(books["readings"]["decoded"], 0, "readings")
    expect(c.gateway.ctl("alarms", "list", "--all")["total"], 0, "alarms")
    if c.influx:
        expect(c.influx.measurements(), [], "measurements in the database")


def they_are_counted_and_are_no_readings(c):
    expect_no_reading(c, told_again(c))
    expect_in("retained", c.gateway.ctl("ledger", json_output=False).stdout, "lifelinectl ledger")


def they_are_shown_as_what_is_known_last(c):
    for n in range(1, DEVICES + 1):
        expect(methane(c, "d%d" % n), (LEAK, True), "d%d" % n)
    items = c.gateway.get("/api/v1/readings?limit=1000")["items"]
    expect([item["flags"] for item in items], [["retained"]] * DEVICES, "recent readings")


def they_are_still_shown_after_a_restart_and_not_told_again_to_a_session(c):
    c.gateway.stop()
    c.gateway.start().wait_connected()
    c.gateway.process.kill()
    c.gateway.start().wait_connected()
    expect(methane(c), (LEAK, True), "d1")
    expect_no_reading(c, c.settle())


def by_311_they_are_told_at_each_connection_and_change_nothing(c):
    c.gateway.stop()
    c.gateway.config["mqtt"]["version"] = "3.1.1"
    c.gateway.write_config()
    c.gateway.start().wait_connected()
    expect_no_reading(c, told_again(c))
    expect(methane(c), (LEAK, True), "d1")
    expect(c.gateway.get("/api/v1/readings")["items"], [], "recent readings")


def the_same_message_is_a_reading_when_the_device_sends_it(c):
    c.send(leak(c))
    books = c.settle()
    expect((books["messages"]["decoded"], books["readings"]["decoded"]), (1, 1), "decoded")
    expect(methane(c), (LEAK, False), "d1")
    wait_for("its alarm", lambda: c.gateway.ctl("alarms")["total"] == 1, 10)
    if c.influx:
        expect([row["methane_pct_lel"] for row in c.influx.query("SELECT * FROM gas_pipe")],
               [LEAK], "in the database")


if __name__ == "__main__":
    run([they_are_counted_and_are_no_readings, they_are_shown_as_what_is_known_last,
         they_are_still_shown_after_a_restart_and_not_told_again_to_a_session,
         by_311_they_are_told_at_each_connection_and_change_nothing,
         the_same_message_is_a_reading_when_the_device_sends_it], fixture)
