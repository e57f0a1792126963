#!/usr/bin/env python3
"""The broker is killed, alone and together with the gateway, goes away, and refuses: what it kept
arrives once, and what it lost is counted as missing."""

import random
import signal
import time

import faults  # first: it finds the others
from city import City, wait_for
from harness import expect, expect_in, run
from lifeline_books import Books, Places, compare, stored_in_influx

SEED = 21
KILLS = faults.short_or_soak(3, 100)
DEVICES = 100
ANEW_EVERY = 3
RATE = 1000
WAITING = 5000
SILENCE_S = 3
# The long form: ten times the longest pause between two tries to connect.
AWAY_S = faults.short_or_soak(SILENCE_S + 2, 300)

QUIET = {
    "profile": "fault_quiet", "kind": "water_main", "title": {"en": "quiet", "zh": "静默"},
    "channels": {"pressure": {"unit": "MPa", "min": 0, "max": 2, "detectors": [
        {"detector": "silence", "after_s": SILENCE_S, "priority": "low"}]}},
}


def fixture(folder):
    c = City(folder, start=False, intake={"checkpoint_interval_s": 1})
    c.random = random.Random(SEED)
    c.load = None
    try:
        c.broker.start()
        if c.influx:
            c.influx.start()
        c.gateway.start().wait_connected()
        c.load = faults.Load(c, DEVICES)
        yield c
        c.gateway.stop()
    finally:
        c.services.end_all()


def save(c):
    """What the broker holds is on its disk: sessions, and what waits in them."""
    file = c.broker.folder / "mosquitto.db"
    before = file.stat().st_mtime_ns if file.exists() else 0
    c.broker.process.popen.send_signal(signal.SIGUSR1)
    wait_for("the broker's file", lambda: file.exists() and file.stat().st_mtime_ns > before, 10)


def missing(c):
    """Messages that the devices numbered and the gateway never received."""
    return sum(c.gateway.get("/api/v1/ledger?device=load-%06d" % n)["messages"]["missing"]
               for n in range(1, DEVICES + 1))


def expect_kept_or_counted(c):
    """Each message that a broker acknowledged is in the database, or it died with that broker and
    is counted as missing."""
    # One more of each device shows the gaps at the end.
    c.sent += c.load.send(DEVICES)
    wait_for("the last message of each device", lambda: all(
        c.gateway.get("/api/v1/ledger?device=load-%06d" % n)["messages"]["decoded"] > 0
        for n in range(1, DEVICES + 1)))
    faults.wait_quiet(c.gateway, c.sent - missing(c))
    books = faults.expect_balanced(c.gateway)
    lost = missing(c)
    print("%d of %d messages died with the broker" % (lost, c.sent))
    expect(books["messages"]["decoded"] + lost, c.sent, "decoded and missing of %s" % books)
    expect(lost < c.sent / 20, True, "missing: %d of %d" % (lost, c.sent))
    result = compare(Books(*c.load.books), Places(c.gateway), stored_in_influx(c.need_influx()))
    expect((result.found, result.differ, result.surplus),
           (result.expected - lost * faults.READINGS, 0, 0), str(result))


def start_anew(c):
    """So that the pauses between tries to connect are short again."""
    c.gateway.stop()
    c.gateway.start().wait_connected()


def kill_under_load(c, kill):
    """Each time in a second of messages, which goes on until all of them are acknowledged."""
    for n in range(KILLS):
        load = c.load.start(RATE, RATE)
        time.sleep(c.random.uniform(0.1, 0.8))
        save(c)
        kill()
        c.gateway.wait_connected()
        summary = c.finish(load)
        expect((summary["messages"], summary["unacknowledged"]), (RATE, 0), "acknowledged")
        c.sent += RATE
        if n % ANEW_EVERY == ANEW_EVERY - 1:
            start_anew(c)
    print("%d kills" % KILLS)


def a_broker_that_is_killed_costs_what_it_held_at_most(c):
    def kill():
        c.broker.process.kill()
        wait_for("the loss", lambda: not c.gateway.connected(), 10, 0.01)
        c.broker.start()
    kill_under_load(c, kill)
    expect_kept_or_counted(c)


def so_does_one_that_is_killed_with_the_gateway(c):
    def kill():
        for process in c.random.sample([c.broker.process, c.gateway.process], 2):
            process.popen.kill()
        c.gateway.process.kill()
        c.broker.process.kill()
        for service in c.random.sample([c.broker, c.gateway], 2):
            service.start()
    kill_under_load(c, kill)
    expect_kept_or_counted(c)


def what_the_broker_saved_survives_them_both(c):
    before = missing(c)
    c.gateway.process.kill()
    c.sent += c.load.send(WAITING)
    save(c)
    c.broker.process.kill()
    c.broker.start()
    c.gateway.start().wait_connected()
    faults.wait_quiet(c.gateway, c.sent - before)
    expect(missing(c), before, "missing")
    expect_kept_or_counted(c)


def one_that_lost_its_file_is_subscribed_to_again(c):
    start_anew(c)
    c.broker.process.kill()
    for file in c.broker.folder.glob("mosquitto.db*"):
        file.unlink()
    wait_for("the loss", lambda: not c.gateway.connected(), 10, 0.01)
    c.broker.start()
    received = c.gateway.ledger()["messages"]["received"]

    def subscribed():
        c.broker.publish("lifeline/v1/up/stranger", "{}")
        return c.gateway.ledger()["messages"]["received"] > received
    wait_for("a subscription", subscribed)
    before = missing(c)
    expect_kept_or_counted(c)
    expect(missing(c), before, "missing")


def a_broker_that_is_away_makes_no_device_silent(c):
    start_anew(c)
    c.import_rows("profile", QUIET)
    c.import_rows("asset", [{"id": "q1", "kind": "water_main"}])
    c.import_rows("device", [{"id": "q1", "asset": "q1", "profile": "fault_quiet"}])
    c.read("q1", pressure=1)
    c.broker.process.end()
    mqtt = wait_for("the loss in `status`", lambda: (
        lambda m: m if not m["connected"] and m["last_error"] else None)(
            c.gateway.get("/api/v1/status")["mqtt"]), 20)
    expect_in(str(c.broker.port), mqtt["uri"], "uri")
    time.sleep(AWAY_S)
    c.gateway.process.check_runs()
    faults.expect_balanced(c.gateway)
    c.broker.start()
    c.gateway.wait_connected()
    c.read("q1", pressure=1.1)
    faults.wait_quiet(c.gateway, c.sent - missing(c))
    expect(c.gateway.ctl("alarms", "list", "--all", "--asset", "q1")["items"], [], "alarms")
    wait_for("the alarm once it is silent", lambda: c.gateway.ctl(
        "alarms", "list", "--all", "--asset", "q1")["total"], 4 * SILENCE_S)


def credentials_that_are_refused_are_told_and_tried_again(c):
    start_anew(c)
    users = dict(c.broker.users)
    c.broker.process.end()
    c.broker.users["gateway"] = "changed"
    c.broker.configure("false")
    c.broker.password_file("gateway").write_text(users["gateway"] + "\n")
    c.broker.start()
    wait_for("the refusal in `status`", lambda: "ot authorized" in c.gateway.get(
        "/api/v1/status")["mqtt"]["last_error"], 20)
    c.sent += c.load.send(DEVICES)
    c.broker.process.end()
    c.broker.users = users
    c.broker.configure("false")
    c.broker.start()
    c.gateway.wait_connected()
    faults.wait_quiet(c.gateway, c.sent - missing(c))
    faults.expect_balanced(c.gateway)


if __name__ == "__main__":
    run([a_broker_that_is_killed_costs_what_it_held_at_most,
         so_does_one_that_is_killed_with_the_gateway, what_the_broker_saved_survives_them_both,
         one_that_lost_its_file_is_subscribed_to_again,
         a_broker_that_is_away_makes_no_device_silent,
         credentials_that_are_refused_are_told_and_tried_again], fixture)
