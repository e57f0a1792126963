#!/usr/bin/env python3
"""40,000 QoS 1 messages in one burst: all of them are in the database, and the books say so."""

from city import city, expect_balance
from harness import ROOT, expect, run
from lifeline_books import Books, Places, compare, stored_in_influx

MESSAGES = 40000
DEVICES = 1000
LOAD = ["load", "--devices", DEVICES, "--profile", ROOT / "config/profiles/water_main.json"]


def the_devices_are_registered(c):
    # Messages of devices that are not yet registered are refused, and counted as such.
    out = c.folder / "registry"
    c.simulate(*LOAD, "--messages", 1, "--registry-out", out)
    expect(c.settle()["messages"]["rejected"]["unknown_device"], 1, "unknown_device")
    c.import_registry(out)
    expect(c.gateway.ctl("status")["registry"]["devices"], DEVICES + 1, "devices")


def the_burst_is_received_and_decoded(c):
    c.books_file = c.folder / "books.csv"
    summary = c.simulate(*LOAD, "--messages", MESSAGES, "--books", c.books_file, "--first-seq", 10)
    expect(summary["messages"], MESSAGES, "acknowledged")
    messages = c.settle(180)["messages"]
    expect((messages["received"], messages["decoded"], messages["duplicate"]),
           (MESSAGES + 1, MESSAGES, 0), "received, decoded, duplicate")


def the_books_balance(c):
    expect_balance(c.gateway.ledger())


def every_reading_is_in_the_database(c):
    influx = c.need_influx()
    result = compare(Books(c.books_file), Places(c.gateway), stored_in_influx(influx))
    expect(result.good(), True, str(result))


if __name__ == "__main__":
    run([the_devices_are_registered, the_burst_is_received_and_decoded, the_books_balance,
         every_reading_is_in_the_database], city())
