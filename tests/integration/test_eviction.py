#!/usr/bin/env python3
"""More than the spool takes while the database is away: the oldest readings are given up, each of
them counted, the alarms kept; that is an alarm, as is a database that gives no access."""

import json

from city import City, expect_balance, now_ms, wait_for
from harness import expect, expect_in, run

SPOOL_MIB = 4
BATCH = 1000
BURST = 150  # messages; about ten MiB of lines
DEVICES = 3


def fixture(folder):
    c = City(folder, devices=DEVICES, spool={"max_mib": SPOOL_MIB},
             intake={"checkpoint_interval_s": 1})
    c.first_ts = now_ms() - 3600 * 1000
    try:
        yield c
        c.gateway.stop()
    finally:
        c.services.end_all()


def burst(c):
    """Readings of d1, each with a time of its own."""
    lines = []
    for _ in range(BURST):
        c.seq += 1
        batch = [{"ts": c.first_ts + n, "r": {"trips": n}} for n in range(BATCH)]
        c.first_ts += BATCH
        lines.append(json.dumps({"seq": c.seq, "batch": batch}, separators=(",", ":")))
    c.broker.publish_lines("lifeline/v1/up/d1", lines)
    c.sent += BURST


def wait_taken(c):
    return wait_for("all messages decoded", lambda: (
        lambda ledger: ledger if ledger["messages"]["decoded"] == c.sent else None)(
            c.gateway.ledger()), 60)


def restart(c, **settings):
    c.gateway.stop()
    c.gateway.config["gateway"].update(settings)
    c.gateway.write_config()
    c.gateway.start().wait_connected()


def expect_counted(ledger):
    expect_balance(ledger)
    readings = ledger["readings"]
    expect(readings["forwarded"] + readings["evicted"] + readings["in_flight"],
           readings["decoded"], "forwarded, evicted and in flight of %s" % readings)


def with_the_database_away_the_oldest_readings_are_given_up_and_counted(c):
    c.need_influx().process.end()
    for number in range(1, DEVICES + 1):
        c.read("d%d" % number, methane=50.0)
    burst(c)
    c.read("d1", methane=1.0)
    ledger = wait_taken(c)
    expect_counted(ledger)
    expect(ledger["readings"]["evicted"] > 0, True, "some were given up")
    expect(ledger["readings"]["in_flight"] > 0, True, "some were kept")
    c.evicted = ledger["readings"]["evicted"]
    expect_in("spool evicted", c.gateway.process.log_text(), "the log")


def the_spool_keeps_to_its_size(c):
    lane = c.gateway.folder / "state/spool/readings"
    used = sum(file.stat().st_size for file in lane.glob("*.log"))
    expect(used <= SPOOL_MIB << 20, True, "%d bytes in files" % used)


def a_restart_does_not_forget_what_was_given_up(c):
    restart(c)
    ledger = c.gateway.ledger()
    expect_counted(ledger)
    # What had been read before it was given up was in memory, and would have been sent.
    expect(ledger["readings"]["evicted"] >= c.evicted, True, "evicted: %s" % ledger["readings"])
    c.evicted = ledger["readings"]["evicted"]


def what_was_kept_arrives(c):
    c.influx.start()
    ledger = c.settle(120)
    expect_counted(ledger)
    readings = ledger["readings"]
    expect(readings["in_flight"], 0, "in flight")
    expect(readings["evicted"], c.evicted, "evicted")
    expect(c.influx.field_values(), readings["forwarded"], "values in InfluxDB")


def the_alarms_are_all_there(c):
    rows = wait_for("each transition", lambda: (lambda r: r if len(r) >= DEVICES + 1 else None)(
        c.influx.query("SELECT device, state FROM lifeline_alarm")), 30)
    expect(sorted((row["device"], row["state"]) for row in rows),
           [("d1", "rtn_unacknowledged")] +
           [("d%d" % n, "unacknowledged") for n in range(1, DEVICES + 1)], "transitions")


def alarm_of_the_gateways_own(c, channel):
    return [row["state"] for row in c.gateway.get("/api/v1/alarms")["items"]
            if row["device"] == "gw:test" and row["channel"] == channel]


def what_is_given_up_is_an_alarm(c):
    restart(c, self_report_s=1)
    c.influx.process.end()
    burst(c)
    wait_for("an alarm", lambda: alarm_of_the_gateways_own(c, "evicted") == ["unacknowledged"], 60)
    c.influx.start()


def use_database(c, name):
    c.gateway.config["destinations"][0]["database"] = name
    restart(c)


def a_database_that_gives_no_access_is_an_alarm(c):
    real = c.gateway.config["destinations"][0]["database"]
    use_database(c, "no_such_database")
    wait_for("an alarm", lambda: alarm_of_the_gateways_own(
        c, "database_refused") == ["unacknowledged"], 60)
    use_database(c, real)
    wait_for("its end", lambda: alarm_of_the_gateways_own(
        c, "database_refused") == ["rtn_unacknowledged"], 60)


if __name__ == "__main__":
    run([with_the_database_away_the_oldest_readings_are_given_up_and_counted,
         the_spool_keeps_to_its_size, a_restart_does_not_forget_what_was_given_up,
         what_was_kept_arrives, the_alarms_are_all_there, what_is_given_up_is_an_alarm,
         a_database_that_gives_no_access_is_an_alarm], fixture)
