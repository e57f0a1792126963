#!/usr/bin/env python3
"""Broker and database are away at start: they are waited for, `status` says so, nothing is lost."""

from city import City, expect_balance, wait_for
from harness import Skip, expect, run


def fixture(folder):
    c = City(folder, start=False)
    try:
        c.gateway.start()
        c.register(1)
        yield c
        c.gateway.stop()
    finally:
        c.services.end_all()


def status(c):
    return c.gateway.ctl("status")


def without_a_broker_it_runs_and_says_so(c):
    mqtt = wait_for("a reason in `status`", lambda: (lambda m: m if m["last_error"] else None)(
        status(c)["mqtt"]), 30)
    expect(mqtt["connected"], False, "connected")
    expect(mqtt["uri"].rpartition(":")[2], str(c.broker.port), "the port in its uri")


def a_broker_that_appears_is_taken(c):
    c.broker.start()
    c.gateway.wait_connected()
    expect(status(c)["mqtt"]["last_error"], "", "last_error")


def readings_are_taken_while_the_database_is_away(c):
    for n in range(5):
        c.read(pressure=n / 10)
    wait_for("five messages decoded",
             lambda: c.gateway.ledger()["messages"]["decoded"] == 5, 30)
    ledger = c.gateway.ledger()
    expect_balance(ledger)
    if c.influx:
        expect(ledger["readings"]["in_flight"], 5, "in flight")


def status_names_the_database_that_is_away(c):
    c.need_influx()
    destination = wait_for("an error of the destination", lambda: (
        lambda d: d if d["last_error"] else None)(status(c)["destinations"][0]), 30)
    expect((destination["name"], destination["reachable"]), ("influx", False), "destination")


def a_database_that_appears_gets_all_of_them(c):
    influx = c.need_influx().start()
    c.settle()
    expect([row["pressure_mpa"] for row in influx.query("SELECT pressure_mpa FROM gas_pipe")],
           [0.0, 0.1, 0.2, 0.3, 0.4], "values")
    expect(status(c)["destinations"][0]["reachable"], True, "reachable")
    c.note_files()


def a_broker_that_goes_and_comes_back_keeps_the_session(c):
    c.broker.process.end()
    wait_for("the loss in `status`", lambda: not c.gateway.connected(), 30)
    c.broker.start()
    c.gateway.wait_connected()
    c.read(pressure=0.9)
    c.settle()


def a_database_that_goes_and_comes_back_loses_nothing(c):
    influx = c.need_influx()
    influx.process.end()
    for n in range(5):
        c.read(pressure=1 + n / 10)
    wait_for("the readings in the spool",
             lambda: c.gateway.ledger()["readings"]["in_flight"] == 5, 30)
    influx.start()
    c.settle(120)
    expect(influx.field_values(), 11, "field values")


def messages_sent_while_the_gateway_is_away_wait_at_the_broker(c):
    before = c.settle()["messages"]["received"]
    c.gateway.stop()
    c.read(pressure=0.8)
    c.gateway.start().wait_connected()
    expect(c.settle()["messages"]["received"], before + 1, "received")


def no_file_stays_open(c):
    if c.files is None:
        raise Skip("InfluxDB is not installed")
    c.read(pressure=0.5)
    c.settle()
    c.expect_same_files()


def the_books_balance(c):
    expect_balance(c.gateway.ledger())


if __name__ == "__main__":
    run([without_a_broker_it_runs_and_says_so, a_broker_that_appears_is_taken,
         readings_are_taken_while_the_database_is_away, status_names_the_database_that_is_away,
         a_database_that_appears_gets_all_of_them,
         a_broker_that_goes_and_comes_back_keeps_the_session,
         a_database_that_goes_and_comes_back_loses_nothing,
         messages_sent_while_the_gateway_is_away_wait_at_the_broker, no_file_stays_open,
         the_books_balance], fixture)
