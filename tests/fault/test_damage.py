#!/usr/bin/env python3
"""The gateway's files are cut short and their bits flipped: it starts, delivers what can be read
and nothing that was not sent, counts what it lost, and goes on."""

import random
import shutil

import faults  # first: it finds the others
import stub_database as stub
from city import City, now_ms, wait_for
from harness import expect, run
from lifeline_books import Books
from lifeline_services import ServiceError

SEED = 22
MARKER = (0xda4e6a1c).to_bytes(4, "little")
RECORD_HEADER = 32
DEVICES = 5
MESSAGES = 300  # before the checkpoint, and as many after it
LAST_BYTES = 4096
FILES = ["intake/*.log", "spool/readings/*.log", "spool/alarms/*.log", "checkpoint",
         "spool/*.cursor"]
BASES = ("killed", "stopped")
# Of each file in each of the two states.
CUTS = faults.short_or_soak(2, LAST_BYTES)
FLIPS = faults.short_or_soak(2, 10000 // len(FILES) // len(BASES))


def fixture(folder):
    c = City(folder, influx=False, start=False,
             intake={"segment_mib": 1, "checkpoint_interval_s": 3600})
    c.database = stub.StubDatabase()
    c.gateway.config["destinations"] = [c.database.destination()]
    c.gateway.write_config()
    c.random = random.Random(SEED)
    c.state = c.gateway.folder / "state"
    c.next_seq = 1000000
    try:
        c.start(0)
        c.load = faults.Load(c, DEVICES)
        yield c
    finally:
        c.services.end_all()
        c.database.stop()


def a_gateway_ends_with_much_to_do(c):
    """Its files hold all that they can: what was delivered, a checkpoint, messages after it, and
    readings that wait for the database. Once killed, once stopped in order, when the checkpoint
    knows of all of them."""
    c.load.send(MESSAGES)
    faults.wait_quiet(c.gateway, MESSAGES)
    wait_for("the alarms lane", lambda: faults.destination(c.gateway)["alarms_in_flight"] == 0)
    c.gateway.stop()
    c.gateway.start().wait_connected()
    # The first tick brings one; the next is an hour away.
    wait_for("a checkpoint", lambda: faults.metrics(c.gateway)["lifeline_checkpoints_total"] > 0)
    c.database.mode = stub.status(503)
    c.load.send(MESSAGES)
    wait_for("the readings in the spool", lambda: c.gateway.ledger()["readings"][
        "in_flight"] == MESSAGES * faults.READINGS, 30)
    c.points = dict(c.database.points)
    c.gateway.process.kill()
    shutil.copytree(c.state, c.folder / "killed")
    c.gateway.start().stop()
    shutil.copytree(c.state, c.folder / "stopped")
    c.sent = {(device, ts, float(value)) for device, _, ts, value in Books(*c.load.books).readings}
    expect(len(c.sent), 2 * MESSAGES * faults.READINGS, "readings in the sender's books")
    c.database.mode = stub.good


def end_of_data(data):
    """Segments are as long as they will be at most; zeros follow the last record."""
    return len(data.rstrip(b"\0"))


def cut(c, file, nth):
    """The soak cuts at every byte. True where the log ends with a whole record all the same:
    nothing tells that there was more."""
    data = file.read_bytes()
    end = end_of_data(data)
    less = nth + 1 if faults.SOAK else c.random.randint(1, min(end, LAST_BYTES))
    left = data[:end - less]
    file.write_bytes(left)
    return file.suffix == ".log" and ends_whole(left)


def ends_whole(data):
    """Whether the last record is all there; its layout stands in journal/journal_segment.c."""
    at = data.rfind(MARKER)
    return at >= 0 and at + RECORD_HEADER + int.from_bytes(
        data[at + 8:at + 12], "little") <= len(data)


def flip(c, file, _nth):
    """True for a log: what was done with already is not read again, so that nobody may notice."""
    data = bytearray(file.read_bytes())
    end = end_of_data(data)
    bit = c.random.randrange(8 * max(0, end - LAST_BYTES), 8 * end)
    data[bit // 8] ^= 1 << bit % 8
    file.write_bytes(data)
    return file.suffix == ".log"


def delivered(c):
    """What is at the database, as the sender's books have it; the tests' own message left out."""
    return {(device, ts, float(value)) for (device, _, ts), value in c.database.readings().items()
            if (device, ts) not in c.own}


def told(c, log_at):
    """Whether it said something of damage since its start."""
    with open(c.gateway.process.log, "rb") as log:
        log.seek(log_at)
        words = log.read().decode()
    return any(mark in words for mark in ("damaged", "torn", "unreadable", "behind"))


def go_on(c):
    """A message that comes after the damage is delivered."""
    c.next_seq += 1
    ts = now_ms()
    c.own.add(("load-000001", ts))
    c.broker.publish("lifeline/v1/up/load-000001",
                     '{"seq":%d,"ts":%d,"r":{"pressure":2.1}}' % (c.next_seq, ts))
    def arrived():
        c.gateway.process.check_runs()
        return any((device, at) == ("load-000001", ts) for device, _, at in c.database.readings())
    wait_for("the new message", arrived, 20, 0.01)


def last_file(folder, pattern):
    return sorted(folder.glob(pattern))[-1]


def one_case(c, base, damage, pattern, nth):
    shutil.rmtree(c.state)
    shutil.copytree(c.folder / base, c.state)
    harmless = damage(c, last_file(c.state, pattern), nth)
    c.database.points = dict(c.points)
    c.own = set()
    log_at = c.gateway.process.log.stat().st_size
    c.gateway.start(wait=False)
    wait_for("the gateway's API",
             lambda: c.gateway.process.check_runs() and c.gateway.answers(), 30, 0.01)
    go_on(c)
    wait_for("nothing under way", lambda: c.gateway.settled(0), 20, 0.01)
    evicted = faults.expect_balanced(c.gateway)["readings"]["evicted"]
    c.gateway.process.kill()
    found = delivered(c)
    expect(found - c.sent, set(), "what was not sent")
    expect(len(c.sent - found), evicted, "readings that are lost, and those that are counted so")
    if not harmless:
        expect(told(c, log_at), True, "a word on the damage")


def each_case(c, damage, count):
    for base in BASES:
        for pattern in FILES:
            size = end_of_data(last_file(c.folder / base, pattern).read_bytes())
            for n in range(min(count, size)):
                try:
                    one_case(c, base, damage, pattern, n)
                except (AssertionError, ServiceError) as error:
                    raise AssertionError("%s, case %d, %s of %s: %s" % (
                        base, n, damage.__name__, pattern, error)) from None


def it_starts_with_files_that_were_cut(c):
    each_case(c, cut, CUTS)


def it_starts_with_flipped_bits(c):
    each_case(c, flip, FLIPS)


if __name__ == "__main__":
    run([a_gateway_ends_with_much_to_do, it_starts_with_files_that_were_cut,
         it_starts_with_flipped_bits], fixture)
