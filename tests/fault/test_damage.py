#!/usr/bin/env python3
"""The gateway's files are cut short, blanked and their bits flipped: it starts, delivers what can
be read and nothing that was not sent, counts what it lost, and goes on.

Most cases are tried by build/tests/fault/reopen, which opens the files as a gateway does, many
thousand times in one process; a sample of them with a whole gateway.
"""

import concurrent.futures
import itertools
import os
import pathlib
import random
import shutil
import subprocess
import tempfile

import faults  # first: it finds the others
import stub_database as stub
from city import City, now_ms, wait_for
from harness import BUILD, expect, run
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
LOCKS = ["intake/lock", "spool/readings/lock", "spool/alarms/lock"]
BASES = ("killed", "stopped", "behind")
# Where a file alone holds readings that the database has not: with the end of the spool gone, the
# intake journal has them still, unless a checkpoint says that they are done.
CUT_LOSES = {("behind", "intake/*.log"), ("stopped", "spool/readings/*.log")}
FLIP_LOSES = CUT_LOSES | {("killed", "spool/readings/*.log")}
# Of each file in each of the three states: the long form cuts at every byte.
CUT_EVERY = faults.short_or_soak(97, 1)
BLANK_EVERY = faults.short_or_soak(151, 3)
FLIPS = faults.short_or_soak(16, -(-10000 // len(FILES + LOCKS) // len(BASES)))
SAMPLE = faults.short_or_soak(1, 25)


def fixture(folder):
    # Small files and no profiles but the tests', so that a start takes little time.
    (folder / "profiles").mkdir()
    c = City(folder, influx=False, start=False, spool={"max_mib": 8},
             registry={"profiles_dir": str(folder / "profiles")},
             intake={"segment_mib": 1, "checkpoint_interval_s": 3600})
    c.database = stub.StubDatabase()
    c.gateway.config["destinations"] = [c.database.destination()]
    c.gateway.write_config()
    c.random = random.Random(SEED)
    c.state = c.gateway.folder / "state"
    c.next_seq = 1000000
    c.own = set()
    try:
        c.start(0)
        c.load = faults.Load(c, DEVICES)
        yield c
    finally:
        c.services.end_all()
        c.database.stop()


def a_gateway_ends_with_much_to_do(c):
    """Its files hold all that they can: what was delivered, a checkpoint, messages after it, and
    readings that wait for the database. Once killed; once stopped in order, when the checkpoint
    knows of all of them; once killed before it took any of the later messages."""
    c.load.send(MESSAGES)
    faults.wait_quiet(c.gateway, MESSAGES)
    wait_for("the alarms lane", lambda: faults.destination(c.gateway)["alarms_in_flight"] == 0)
    c.gateway.stop()
    # That wrote a checkpoint; the next is an hour away.
    c.gateway.start().wait_connected()
    c.before = list(c.database.lines)
    c.points = dict(c.database.points)
    c.database.mode = stub.status(503)
    shutil.copytree(c.state, c.folder / "behind")
    c.load.send(MESSAGES)
    wait_for("the readings in the spool", lambda: c.gateway.ledger()["readings"][
        "in_flight"] == MESSAGES * faults.READINGS, 30)
    c.gateway.process.kill()
    shutil.copytree(c.state, c.folder / "killed")
    shutil.rmtree(c.folder / "behind/intake")
    shutil.copytree(c.state / "intake", c.folder / "behind/intake")
    c.gateway.start().stop()
    shutil.copytree(c.state, c.folder / "stopped")
    c.sent = {(device, ts, float(value)) for device, _, ts, value in Books(*c.load.books).readings}
    expect(len(c.sent), 2 * MESSAGES * faults.READINGS, "readings in the sender's books")
    c.database.mode = stub.good


def undamaged_it_delivers_the_rest(c):
    c.gateway.start()
    wait_for("nothing under way", lambda: c.gateway.settled(0))
    wait_for("the alarms lane", lambda: faults.destination(c.gateway)["alarms_in_flight"] == 0)
    c.gateway.process.kill()
    expect(delivered(c), c.sent, "what is at the database")
    for name, lines in (("all.lp", c.database.lines), ("before.lp", c.before)):
        (c.folder / name).write_text("".join(line + "\n" for line in lines), encoding="utf-8")


# --- many cases, the gateway's parts in one process -----------------------------------------------


def reopen(c, base, *words):
    """Raises with the last case where one fails; else how many there were, and the readings lost."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else c.folder
    work = pathlib.Path(tempfile.mkdtemp(prefix="reopen-", dir=memory))
    try:
        done = subprocess.run(
            [BUILD / "tests/fault/reopen", c.folder / base, work / "state", c.folder / "all.lp",
             c.folder / "before.lp", *map(str, words)], capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError("%s, status %d: %s; it said: %s" % (
                base, done.returncode, " ".join(done.stdout.splitlines()[-2:]),
                (work / "state.log").read_text(encoding="utf-8", errors="replace")[-2000:]))
        last = done.stdout.split()
        return [int(number) for number in last[-5::2]]
    finally:
        shutil.rmtree(work)


def reopen_each(c, how, patterns, loses, *numbers):
    def of_one(pair):
        base, pattern = pair
        file = last_file(c.folder / base, pattern).relative_to(c.folder / base)
        return reopen(c, base, how, file, *numbers, "loses" if pair in loses else "keeps")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        total = [sum(column) for column in zip(*pool.map(
            of_one, itertools.product(BASES, patterns)))]
    print("%s: %d cases; readings counted as evicted %d, not read %d" % (how, *total))
    expect(total[0] > 100 and total[1] > 0, True, "many cases, and something was lost")


def wherever_a_file_was_cut_it_goes_on(c):
    reopen_each(c, "cut", FILES + LOCKS, CUT_LOSES, 1, CUT_EVERY)


def so_it_does_where_zeros_stand_in_place_of_the_end(c):
    reopen_each(c, "blank", FILES[:3], CUT_LOSES, 1, BLANK_EVERY)


def so_it_does_whichever_bit_was_flipped(c):
    reopen_each(c, "flip", FILES + LOCKS, FLIP_LOSES, FLIPS, SEED)


# --- a sample, the whole gateway ------------------------------------------------------------------


def end_of_data(data):
    """Segments are as long as they will be at most; zeros follow the last record."""
    return len(data.rstrip(b"\0"))


def cut(c, file):
    """True where the log ends with a whole record all the same: nothing tells that there was
    more."""
    data = file.read_bytes()
    end = end_of_data(data)
    left = data[:end - c.random.randint(1, min(end, LAST_BYTES))]
    file.write_bytes(left)
    return file.suffix == ".log" and ends_whole(left)


def ends_whole(data):
    """Whether the last record is all there; its layout stands in journal/journal_segment.c."""
    at = data.rfind(MARKER)
    return at >= 0 and at + RECORD_HEADER + int.from_bytes(
        data[at + 8:at + 12], "little") <= len(data)


def flip(c, file):
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


def one_case(c, base, damage, pattern, may_lose):
    shutil.rmtree(c.state)
    shutil.copytree(c.folder / base, c.state)
    harmless = damage(c, last_file(c.state, pattern))
    c.database.points = dict(c.points)
    c.own = set()
    log_at = c.gateway.process.log.stat().st_size
    c.gateway.start(wait=False)
    wait_for("the gateway's API",
             lambda: c.gateway.process.check_runs() and c.gateway.answers(), 30, 0.01)
    go_on(c)
    wait_for("nothing under way", lambda: c.gateway.settled(0), 20, 0.01)
    readings = faults.expect_balanced(c.gateway)["readings"]
    c.gateway.process.kill()
    found = delivered(c)
    expect(found - c.sent, set(), "what was not sent")
    # What was in a damaged intake journal alone was never decoded.
    unread = len(c.sent) + len(c.own) - readings["decoded"]
    expect(unread == 0 or base == "behind" and pattern == FILES[0], True, "unread: %d" % unread)
    expect(c.sent <= found or may_lose, True, "lost: %s" % sorted(c.sent - found)[:4])
    expect(len(c.sent - found), readings["evicted"] + unread,
           "readings that are lost, and those that are counted so")
    if not harmless:
        expect(told(c, log_at), True, "a word on the damage")


def each_case(c, damage, loses):
    for base in BASES:
        for pattern in FILES:
            for n in range(SAMPLE):
                try:
                    one_case(c, base, damage, pattern, (base, pattern) in loses)
                except (AssertionError, ServiceError) as error:
                    raise AssertionError("%s, case %d, %s of %s: %s" % (
                        base, n, damage.__name__, pattern, error)) from None


def a_whole_gateway_starts_with_files_that_were_cut(c):
    each_case(c, cut, CUT_LOSES)


def a_whole_gateway_starts_with_flipped_bits(c):
    each_case(c, flip, FLIP_LOSES)


if __name__ == "__main__":
    run([a_gateway_ends_with_much_to_do, undamaged_it_delivers_the_rest,
         wherever_a_file_was_cut_it_goes_on, so_it_does_where_zeros_stand_in_place_of_the_end,
         so_it_does_whichever_bit_was_flipped, a_whole_gateway_starts_with_files_that_were_cut,
         a_whole_gateway_starts_with_flipped_bits], fixture)
