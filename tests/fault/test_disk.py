#!/usr/bin/env python3
"""The disk is full, or read-only, under load: the gateway stays alive and says so, messages wait at
the broker, and once there is room all of it arrives."""

import ctypes
import os
import subprocess

import faults  # first: it finds the others
from city import City, wait_for
from harness import Skip, expect, expect_in, run
from lifeline_books import Books, Places, compare, stored_in_influx

CLONE_NEWNS = 0x00020000
DISK_MIB = 256
DEVICES = 200
MESSAGES = faults.short_or_soak(30000, 300000)
INTAKE = {"segment_mib": 1, "checkpoint_interval_s": 1}


def own_mounts():
    """Mounts made from now on are seen by this process and its children alone, and end with it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise Skip("no file system may be mounted here: %s" % os.strerror(ctypes.get_errno()))


def mount(*words):
    done = subprocess.run(["mount", *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        raise Skip("no file system may be mounted here: %s" % done.stderr.strip())


def umount(path):
    subprocess.run(["umount", "--lazy", str(path)], check=True)


def fixture(folder):
    own_mounts()
    mount("--make-rprivate", "/")
    state = folder / "gateway/state"
    state.mkdir(parents=True)
    mount("-t", "tmpfs", "-o", "size=%dm" % DISK_MIB, "tmpfs", state)
    c = City(folder, start=False, intake=INTAKE, spool={"on_full": "hold"})
    c.state, c.witness = state, None
    try:
        c.broker.start()
        if c.influx:
            c.influx.start()
        c.gateway.start().wait_connected()
        c.load = faults.Load(c, DEVICES)
        c.witness = faults.Witness(c, DEVICES)
        yield c
        c.gateway.stop()
        c.witness.end()
    finally:
        c.services.end_all()
        if c.witness:
            c.witness.services.end_all()
        umount(state)


def fill(c):
    """To the last page."""
    with open(c.state / "filler", "wb", buffering=0) as filler:
        size, step = 0, 1 << 26
        while step >= 4096:
            try:
                os.posix_fallocate(filler.fileno(), size, step)
                size += step
            except OSError:
                step //= 2


def events(c, name):
    return c.gateway.process.log_text().count(" %s " % name)


def expect_alive_and_held(c, reason, before):
    """It says that it takes no more, and why."""
    wait_for("its word that it holds messages back", lambda: events(c, "held_back") > before, 60)
    line = [words for words in c.gateway.process.log_text().splitlines() if "held_back" in words]
    expect_in(reason, line[-1], "the reason")
    c.gateway.process.check_runs()
    expect(faults.metrics(c.gateway)["lifeline_mqtt_pushed_back_total"] >= 1, True, "pushed back")
    received = faults.expect_balanced(c.gateway)["messages"]["received"]
    expect(received < c.sent, True, "received less than %d: %d" % (c.sent, received))


def expect_all_arrived(c):
    books = faults.wait_quiet(c.gateway, c.sent, 180)
    faults.expect_balanced(c.gateway)
    expect(books["messages"]["decoded"], c.sent, "decoded of %s" % books["messages"])
    influx = c.need_influx()
    result = compare(Books(*c.load.books), Places(c.gateway), stored_in_influx(influx))
    expect(result.good(), True, str(result))


def on_a_full_disk_messages_stay_with_the_broker(c):
    fill(c)
    c.sent += c.load.send(MESSAGES)
    expect_alive_and_held(c, "no space", 0)


def status_still_answers(c):
    expect(c.gateway.ctl("status")["mqtt"]["uri"], c.broker.uri, "the broker in `status`")
    expect(c.gateway.ctl("ledger")["messages"]["balanced"], True, "balanced")


def with_room_again_all_of_it_arrives(c):
    (c.state / "filler").unlink()
    expect_all_arrived(c)


def where_nothing_can_be_replaced_or_begun_messages_stay_with_the_broker(c):
    # A second, read-only mount over the first: what is open goes on, nothing new can be opened.
    mount("--bind", c.state, c.state)
    mount("-o", "remount,bind,ro", c.state)
    before = events(c, "held_back")
    c.sent += c.load.send(MESSAGES)
    expect_alive_and_held(c, "read-only", before)


def writable_again_all_of_it_arrives(c):
    umount(c.state)
    expect_all_arrived(c)


def on_a_read_only_disk_it_does_not_start_and_says_why(c):
    c.gateway.stop()
    mount("-o", "remount,ro", c.state)
    process = c.gateway.start(wait=False).process
    wait_for("its end", lambda: not process.running(), 20)
    expect(process.popen.returncode > 0, True, "status %d" % process.popen.returncode)
    expect_in("read-only", process.log_text().rpartition("starting")[2].lower(), "its words")


def afterwards_it_starts_and_goes_on(c):
    mount("-o", "remount,rw", c.state)
    c.gateway.start().wait_connected()
    c.sent += c.load.send(MESSAGES // 10)
    expect_all_arrived(c)


def the_alarms_are_those_of_an_undisturbed_run(c):
    faults.wait_quiet(c.witness.gateway, c.sent, 120)
    ours, theirs = (faults.transitions(g) for g in (c.gateway, c.witness.gateway))
    expect(ours.keys(), theirs.keys(), "what raised alarms")
    for alarm, steps in theirs.items():
        expect(ours[alarm], steps, "transitions of %s" % (alarm,))
    wait_for("the alarms lane", lambda: not c.influx or faults.destination(
        c.gateway)["alarms_in_flight"] == 0)
    points = c.need_influx().query("SELECT asset, state FROM lifeline_alarm")
    expect(len(points), sum(map(len, theirs.values())), "points of lifeline_alarm")


if __name__ == "__main__":
    run([on_a_full_disk_messages_stay_with_the_broker, status_still_answers,
         with_room_again_all_of_it_arrives,
         where_nothing_can_be_replaced_or_begun_messages_stay_with_the_broker,
         writable_again_all_of_it_arrives, on_a_read_only_disk_it_does_not_start_and_says_why,
         afterwards_it_starts_and_goes_on, the_alarms_are_those_of_an_undisturbed_run], fixture)
