#!/usr/bin/env python3
"""The gateway's reports on itself: points in the database, and alarms when broker or database are
away, which come although both are."""

import json
import re

from city import City, expect_balance, wait_for
from harness import ROOT, expect, run

AWAY_S = 2


def fixture(folder):
    c = City(folder, gateway={"self_report_s": 1})
    try:
        # The shipped profile with limits that a test can wait for.
        text = (ROOT / "config/profiles/lifeline_gateway.json").read_text(encoding="utf-8")
        profile = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
        for channel in ("broker_away", "database_away"):
            profile["channels"][channel]["detectors"][0]["above"] = AWAY_S
        c.import_rows("profile", profile)
        yield c
        c.gateway.stop()
    finally:
        c.services.end_all()


def state(c, channel):
    """The state of the newest alarm on that channel of the gateway's own; None: there is none."""
    rows = [row for row in c.gateway.get("/api/v1/alarms")["items"]
            if row["device"] == "gw:test" and row["channel"] == channel]
    return rows[0]["state"] if rows else None


def wait_for_state(c, channel, wanted):
    wait_for("%s %s" % (channel, wanted), lambda: state(c, channel) == wanted, 60)


def reports_are_points_of_the_gateways_own(c):
    rows = wait_for("a report in the database", lambda: c.need_influx().query(
        "SELECT * FROM lifeline_gateway ORDER BY time DESC LIMIT 1"), 30)
    row = rows[0]
    expect((row["asset"], row["device"]), ("gw:test", "gw:test"), "tags")
    expect(row["broker_away_s"], 0, "broker_away_s")
    expect(row["clock_unset"], False, "clock_unset")
    expect(row["disk_free_mib"] > 0 and row["memory_mib"] > 1, True, "disk and memory")


def they_stand_in_no_books_of_messages(c):
    c.read(pressure=0.5)
    ledger = c.settle()
    expect(ledger["messages"]["received"], 1, "messages received")
    expect_balance(ledger)


def a_broker_that_is_away_is_an_alarm_until_it_is_back(c):
    c.broker.process.end()
    wait_for_state(c, "broker_away", "unacknowledged")
    c.broker.start()
    wait_for_state(c, "broker_away", "rtn_unacknowledged")


def a_database_that_is_away_is_an_alarm_until_it_is_back(c):
    c.need_influx().process.end()
    c.read(pressure=0.6)
    wait_for_state(c, "database_away", "unacknowledged")
    c.influx.start()
    wait_for_state(c, "database_away", "rtn_unacknowledged")


def the_alarms_are_in_the_database_too(c):
    rows = wait_for("both alarms", lambda: (lambda r: r if len(r) >= 4 else None)(
        c.need_influx().query("SELECT state, channel FROM lifeline_alarm")), 60)
    expect({row["channel"] for row in rows}, {"broker_away", "database_away"}, "channels")


if __name__ == "__main__":
    run([reports_are_points_of_the_gateways_own, they_stand_in_no_books_of_messages,
         a_broker_that_is_away_is_an_alarm_until_it_is_back,
         a_database_that_is_away_is_an_alarm_until_it_is_back,
         the_alarms_are_in_the_database_too], fixture)
