#!/usr/bin/env python3
"""An alarm's life: raised by a limit, listed, acknowledged by hand, cleared; and its record."""

from city import city, expect_balance, now_ms, wait_for
from harness import expect, expect_in, run


def the_alarm(c, state):
    """The one alarm, once it is in that state."""
    def probe():
        items = c.gateway.ctl("alarms", "list", "--all")["items"]
        return items[0] if len(items) == 1 and items[0]["state"] == state else None
    return wait_for("an alarm that is %s" % state, probe, 20)


def a_value_below_the_limit_raises_nothing(c):
    c.read(methane=19.9)
    c.settle()
    expect(c.gateway.ctl("alarms")["items"], [], "open alarms")


def a_value_above_the_limit_raises_one(c):
    ts = c.read(methane=31.5)
    alarm = the_alarm(c, "unacknowledged")
    expect({key: alarm[key] for key in ("asset", "device", "channel", "condition", "priority",
                                        "value")},
           {"asset": "a1", "device": "d1", "channel": "methane", "condition": "gas_high",
            "priority": "high", "value": 31.5}, "the alarm")
    expect(ts <= alarm["raised_ms"] <= now_ms(), True, "raised since the reading, %s" % alarm)
    for part in ("31.5", "20"):
        expect_in(part, alarm["text_en"], "its text")
        expect_in(part, alarm["text_zh"], "its Chinese text")


def more_of_the_same_raises_no_second_one(c):
    c.read(methane=40)
    c.settle()
    expect(c.gateway.ctl("alarms")["total"], 1, "open alarms")


def it_is_acknowledged_by_name_with_a_note(c):
    alarm = the_alarm(c, "unacknowledged")
    c.gateway.ctl("alarms", "ack", alarm["id"], "--note", "on the way")
    acked = the_alarm(c, "acknowledged")
    expect((acked["note"], bool(acked["acked_by"])), ("on the way", True), "note and name")
    audit = c.gateway.get("/api/v1/audit")["items"]
    expect_in("alarm_ack", [row["what"] for row in audit], "audit log")


def it_cannot_be_acknowledged_twice(c):
    alarm = the_alarm(c, "acknowledged")
    done = c.gateway.ctl("alarms", "ack", alarm["id"], check=False)
    expect(done.returncode, 1, "status")
    done = c.gateway.ctl("alarms", "ack", 4711, check=False)
    expect(done.returncode, 1, "status of an alarm that is not there")


def inside_the_dead_band_it_stays(c):
    c.read(methane=17)
    c.settle()
    the_alarm(c, "acknowledged")


def past_the_dead_band_it_clears(c):
    c.read(methane=14)
    the_alarm(c, "normal")
    expect(c.gateway.ctl("alarms")["items"], [], "open alarms")


def every_transition_is_shown_once(c):
    alarm = the_alarm(c, "normal")
    shown = c.gateway.ctl("alarms", "show", alarm["id"])
    expect([(t["from"], t["to"]) for t in shown["transitions"]],
           [("normal", "unacknowledged"), ("unacknowledged", "acknowledged"),
            ("acknowledged", "normal")], "transitions")


def every_transition_is_in_the_database_once(c):
    influx = c.need_influx()
    rows = wait_for("three points of lifeline_alarm", lambda: (lambda r: r if len(r) >= 3 else None)(
        influx.query("SELECT * FROM lifeline_alarm")), 20)
    expect([row["state"] for row in rows], ["unacknowledged", "acknowledged", "normal"], "states")
    expect({(row["asset"], row["channel"]) for row in rows}, {("a1", "methane")}, "tags")


def an_alarm_survives_a_restart(c):
    c.read(methane=55)
    items = wait_for("an alarm", lambda: c.gateway.ctl("alarms")["items"], 20)
    c.gateway.stop()
    c.gateway.start().wait_connected()
    again = c.gateway.ctl("alarms")["items"]
    expect([(a["id"], a["state"]) for a in again], [(a["id"], a["state"]) for a in items], "alarms")
    c.read(methane=56)
    c.settle()
    expect(c.gateway.ctl("alarms")["total"], 1, "open alarms after one more reading")


def the_books_balance(c):
    expect_balance(c.gateway.ledger())


if __name__ == "__main__":
    run([a_value_below_the_limit_raises_nothing, a_value_above_the_limit_raises_one,
         more_of_the_same_raises_no_second_one, it_is_acknowledged_by_name_with_a_note,
         it_cannot_be_acknowledged_twice, inside_the_dead_band_it_stays,
         past_the_dead_band_it_clears, every_transition_is_shown_once,
         every_transition_is_in_the_database_once, an_alarm_survives_a_restart,
         the_books_balance], city())
