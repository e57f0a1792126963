#!/usr/bin/env python3
"""Connections to the broker, with TLS and without, are cut again and again, in many ways and at any
moment: no reading is lost, and the gateway keeps neither memory nor files nor threads of those that
are gone."""

import os

import faults  # first: it finds the others
from certificates import Authority, need_openssl
from city import City, wait_for
from cutting_proxy import PLAIN_WAYS, TLS_WAYS, CuttingProxy, goes_on
from harness import expect, run
from lifeline_books import Books, Places, compare, stored_in_influx
from lifeline_services import free_port

SEED = 22
# The library takes up to a second for each.
ATTEMPTS = faults.short_or_soak(60, 10000)
DEVICES = 100
RATE = 50
MESSAGES = ATTEMPTS * RATE
# Fills the recent-readings store, and whatever else grows once.
WARM_UP = 10000
# Of resident memory, between a tenth of the way and its end.
GROWTH_KIB = faults.short_or_soak(256, 1024)


def fixture(folder):
    need_openssl()
    c = City(folder, start=False)
    authority = Authority(folder / "authority")
    tls_port = free_port()
    with open(c.broker.folder / "mosquitto.conf", "a", encoding="utf-8") as config:
        config.write("listener %d 127.0.0.1\ncertfile %s\nkeyfile %s\n" % (
            tls_port, *authority.issue("broker")))
    c.tls = CuttingProxy(tls_port, SEED)
    c.plain = CuttingProxy(c.broker.port, SEED)
    c.gateway.config["mqtt"].update(
        uris=["mqtts://127.0.0.1:%d" % c.tls.port, "mqtt://127.0.0.1:%d" % c.plain.port],
        ca_file=str(authority.ca), retry_max_ms=100)
    c.gateway.write_config()
    try:
        c.broker.start()
        if c.influx:
            c.influx.start()
        c.gateway.start().wait_connected()
        c.load = faults.Load(c, DEVICES)
        yield c
        c.gateway.stop()
    finally:
        c.tls.close()
        c.plain.close()
        c.services.end_all()


def set_ways(c, tls, plain):
    c.tls.set_ways(*tls)
    c.plain.set_ways(*plain)


def attempts(c):
    """To connect; how many of them came up."""
    metrics = faults.metrics(c.gateway)
    up = int(metrics["lifeline_mqtt_connects_total"])
    return up + int(metrics["lifeline_mqtt_connect_failed_total"]), up


def cut(c, until):
    """Up to so many attempts, each cut; then one that is not. What the gateway holds then."""
    set_ways(c, TLS_WAYS, PLAIN_WAYS)
    left = until - attempts(c)[0]
    wait_for("%d attempts" % until, lambda: c.gateway.process.check_runs() and
             attempts(c)[0] >= until, 60 + 5 * left, 0.5)
    set_ways(c, [goes_on], [goes_on])
    c.gateway.wait_connected()
    held = holds(c)
    print("%d attempts, %d of them came up: %s" % (*attempts(c), held), flush=True)
    return held


def holds(c):
    process = c.gateway.process
    return {"kib": process.rss_bytes() // 1024, "files": process.open_files(),
            "threads": len(os.listdir("/proc/%d/task" % process.pid))}


def nothing_is_kept_of_connections_that_were_cut(c):
    c.load.send(WARM_UP)
    c.running = c.load.start(MESSAGES, RATE)
    stocks = [cut(c, ATTEMPTS * part // 10) for part in range(1, 11)]
    before, after = stocks[0], stocks[-1]
    if not os.environ.get("LIFELINE_SANITIZER"):  # which keeps what is freed, for a while
        expect(after["kib"] - before["kib"] < GROWTH_KIB, True, "KiB, before %d and after %d" % (
            before["kib"], after["kib"]))
    # One of each comes and goes with a request to the database or the API.
    for what in ("files", "threads"):
        wait_for("at most %d %s" % (before[what] + 1, what), lambda: holds(c)[what] <=
                 before[what] + 1, 15)


def every_reading_is_there_once(c):
    c.finish(c.running, 60 + MESSAGES / RATE)
    messages = WARM_UP + MESSAGES
    books = faults.wait_quiet(c.gateway, messages, 120)
    faults.expect_balanced(c.gateway)
    expect(books["messages"]["decoded"], messages, "decoded of %s" % books["messages"])
    result = compare(Books(*c.load.books), Places(c.gateway), stored_in_influx(c.need_influx()))
    expect(result.good(), True, str(result))


if __name__ == "__main__":
    run([nothing_is_kept_of_connections_that_were_cut, every_reading_is_there_once], fixture)
