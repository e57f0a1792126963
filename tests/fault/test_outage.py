#!/usr/bin/env python3
"""The database is away while a city goes on reporting: `status` says so, memory stays flat, and
afterwards all of it is there, alarms first; also where the gateway is killed meanwhile."""

import os
import random
import time

import faults  # first: it finds the others
import stub_database as stub
from city import City, wait_for
from harness import expect, expect_in, run
from lifeline_books import Books, Places, compare, stored_in_influx

DEVICES = faults.short_or_soak(200, 1000)
# The long form: a day of as many sensors, a message every five minutes.
MESSAGES = faults.short_or_soak(30000, DEVICES * 288)
WARM_UP = 4000
MOST_GROWTH = 16 << 20
DRAIN_S = faults.short_or_soak(120, 900)
SEED = 23
KILLS = faults.short_or_soak(3, 30)  # amid a backlog
ANSWER_S = 0.05


def fixture(folder):
    """The way to the database leads through a stub, which can be away and keeps the order."""
    # What was freed is used again, or memory could not stay flat.
    os.environ["ASAN_OPTIONS"] = "quarantine_size_mb=1"
    c = City(folder, start=False)
    c.way = None
    try:
        c.influx = c.need_influx().start()
        c.way = stub.StubDatabase("influx", c.influx.url)
        c.gateway.config["destinations"] = [
            dict(c.influx.destination(), url="http://127.0.0.1:%d" % c.way.port)]
        c.gateway.write_config()
        c.broker.start()
        c.gateway.start().wait_connected()
        c.load = faults.Load(c, DEVICES)
        c.register(1)
        yield c
        c.gateway.stop()
    finally:
        c.services.end_all()
        if c.way:
            c.way.stop()


def slowly(way, request, client):
    time.sleep(ANSWER_S)
    return stub.good(way, request, client)


def all_goes_well_at_first(c):
    c.sent = c.load.send(WARM_UP)
    faults.wait_quiet(c.gateway, c.sent)
    wait_for("the alarms lane", lambda: faults.destination(c.gateway)["alarms_in_flight"] == 0)


def while_the_database_is_away_memory_stays_flat(c):
    c.way.stop()
    before = c.gateway.process.rss_bytes()
    c.sent += c.load.send(MESSAGES)
    wait_for("all messages decoded",
             lambda: c.gateway.ledger()["messages"]["decoded"] == c.sent, 120)
    c.read(methane=77)
    wait_for("an alarm", lambda: c.gateway.ctl("alarms", "list", "--asset", "a1")["total"], 20)
    grown = c.gateway.process.rss_bytes() - before
    expect(grown < MOST_GROWTH, True, "grown by %d bytes" % grown)
    print("resident memory grew by %.1f MB in %d readings" % (
        grown / 1e6, MESSAGES * faults.READINGS))


def status_names_the_state(c):
    row = wait_for("a failure in `status`", lambda: (
        lambda d: d if not d["reachable"] else None)(faults.destination(c.gateway)), 20)
    expect_in("no answer", row["last_error"], "last_error")
    expect(row["alarms_in_flight"] > 0, True, "alarms that wait: %s" % row)
    books = faults.expect_balanced(c.gateway)
    expect(books["readings"]["in_flight"], MESSAGES * faults.READINGS + 1, "readings that wait")
    words = c.gateway.ctl("status", json_output=False)
    expect(words.returncode, 0, "lifelinectl status")
    expect_in("influx", words.stdout, "lifelinectl status")


def alarms_come_first_when_it_is_back(c):
    c.way.requests.clear()
    c.way.start()
    books = faults.wait_quiet(c.gateway, c.sent, DRAIN_S)
    wait_for("the alarms lane", lambda: faults.destination(c.gateway)["alarms_in_flight"] == 0)
    faults.expect_balanced(c.gateway)
    expect(books["readings"]["forwarded"],
           (WARM_UP + MESSAGES) * faults.READINGS + 1, "forwarded of %s" % books["readings"])
    order = [request.alarms for request in c.way.requests]
    last_alarms = len(order) - order[::-1].index(True)
    # Where the readings' turn comes first, the success brings the alarms' forward.
    expect(False in order[1:last_alarms], False, "readings were sent while alarms waited: %s" % (
        "".join("a" if alarms else "r" for alarms in order)))


def all_of_it_is_there(c):
    stored = stored_in_influx(c.influx)
    own = [key for key in stored if key[2] == "d1"]
    expect([stored.pop(key) for key in own], [77], "of the device with the alarm")
    result = compare(Books(*c.load.books), Places(c.gateway), stored)
    expect(result.good(), True, str(result))


def every_alarm_is_there(c):
    steps = sum(len(of_one) for of_one in faults.transitions(c.gateway).values())
    rows = c.influx.query("SELECT asset, state FROM lifeline_alarm")
    expect(len(rows), steps, "points of lifeline_alarm")


def killed_amid_the_backlog_it_delivers_each_once(c):
    """Some of the kills hit a gateway that waits for the database, some one that sends."""
    random_numbers = random.Random(SEED)
    before = c.gateway.ledger()["readings"]["forwarded"]
    c.way.stop()
    c.sent += c.load.send(MESSAGES)
    wait_for("all messages decoded",
             lambda: c.gateway.ledger()["messages"]["decoded"] == c.sent, 120)
    for n in range(KILLS):
        if n == KILLS // 3:
            c.way.mode = slowly
            c.way.start()
        time.sleep(random_numbers.uniform(0, 4 * ANSWER_S))
        c.gateway.process.kill()
        c.gateway.start()
        faults.expect_balanced(c.gateway)
    books = faults.wait_quiet(c.gateway, c.sent, DRAIN_S)
    expect(books["readings"]["forwarded"] - before, MESSAGES * faults.READINGS, "forwarded")
    expect(books["readings"]["evicted"], 0, "evicted")
    wait_for("the alarms lane", lambda: faults.destination(c.gateway)["alarms_in_flight"] == 0)


if __name__ == "__main__":
    run([all_goes_well_at_first, while_the_database_is_away_memory_stays_flat,
         status_names_the_state, alarms_come_first_when_it_is_back, all_of_it_is_there,
         every_alarm_is_there, killed_amid_the_backlog_it_delivers_each_once,
         all_of_it_is_there, every_alarm_is_there], fixture)
