#!/usr/bin/env python3
"""One call of the gateway fails, the nth of its kind: it ends with a clear message or goes on, and
after a plain start everything that was published is in the database once.

A run: messages wait at the broker; the gateway starts, takes them, brings them to the database and
ends. In each case one write, sync or rename of a file fails in it, or one allocation. Several
gateways do so side by side, each with a session at the broker and a database of its own.

Allocations fail in the gateway's own code, in SQLite, libcurl, zlib and libmicrohttpd. They do not
in Paho 1.3.12, which ends by SIGSEGV or forgets a message until it connects anew; nor in json-c 0.16,
which takes the want of memory for the end of the text, so that a good message counts as malformed;
nor in the C library and OpenSSL.
"""

import concurrent.futures
import errno
import json
import os
import queue
import shutil
import struct
import time

import faults  # first: it finds the others
import stub_database as stub
from harness import BUILD, expect, run
from lifeline_services import Broker, Gateway, Services, wait_for

KINDS = ["write", "sync", "rename", "allocation", "allocation in a library"]
ERRORS = {"write": [errno.ENOSPC, errno.EIO], "sync": [errno.EIO], "rename": [errno.EIO],
          "allocation": [errno.ENOMEM], "allocation in a library": [errno.ENOMEM]}
LIBRARIES = "libsqlite3,libcurl,libz,libmicrohttpd"
CONTROL = struct.Struct("=%dQ" % (3 + len(KINDS)))  # as nth_call.c has it
SYNC_MODES = ["interval", "always"]
LANES_A_MODE = 2
FIRST = 3  # calls of each kind that fail in every form of the test
SAMPLE = 5  # of those that follow, in the short form
MESSAGES = 40
LIMIT_S = 30

PROFILE = {
    "profile": "nth_pipe", "kind": "gas_pipe", "title": {"en": "test pipe", "zh": "测试管道"},
    "late_after_s": 7 * 86400,
    "channels": {
        "pressure": {"unit": "MPa", "min": 0, "max": 1000},
        "methane": {"unit": "%LEL", "min": 0, "max": 100, "detectors": [
            {"detector": "limit", "name": "high", "above": 20, "dead_band": 5,
             "priority": "high"}]},
    },
}


class Lane:
    """A gateway, its session and its database, used for one run after the other."""

    def __init__(self, c, mode, number):
        self.c, self.mode = c, mode
        name = "%s%d" % (mode, number)
        self.services = Services(c.folder / name, BUILD)
        self.database = stub.StubDatabase()
        self.topic = "nth/%s/d1" % name
        self.gateway = Gateway(
            self.services, c.broker.uri, c.broker.password_file("gateway"),
            [self.database.destination()], gateway={"id": name},
            intake={"segment_mib": 1, "checkpoint_interval_s": 1, "sync": mode},
            mqtt={"topics": [{"filter": "nth/%s/+" % name}]})
        self.state = self.gateway.folder / "state"
        self.base = self.gateway.folder / "base"
        self.control = self.gateway.folder / "control"
        self.ts = time.time_ns() // 1000000 - 24 * 3600 * 1000
        self.seq = 0
        self.spoiled = False

    def make_base(self):
        """What each run begins with: a registry, a checkpoint, a session."""
        self.gateway.start().wait_connected()
        for noun, rows in (("profile", PROFILE), ("asset", [{"id": "a1", "kind": "gas_pipe"}]),
                           ("device", [{"id": "d1", "asset": "a1", "profile": "nth_pipe"}])):
            file = self.gateway.folder / (noun + ".json")
            file.write_text(json.dumps(rows), encoding="utf-8")
            self.gateway.ctl(noun, "import", file)
        self.gateway.stop()
        shutil.copytree(self.state, self.base)

    def publish(self):
        """Two readings a message, one message in eight in alarm, and one that is refused."""
        lines, self.sent = [], {}
        for n in range(MESSAGES):
            self.seq += 1
            self.ts += 10
            values = {"pressure_mpa": n, "methane_pct_lel": 30 if n % 8 == 4 else 1}
            lines.append('{"seq":%d,"ts":%d,"r":{"pressure":%d,"methane":%d}}' % (
                self.seq, self.ts, *values.values()))
            self.sent.update({("d1", field, self.ts): str(v) for field, v in values.items()})
        lines.insert(MESSAGES // 2, '{"seq":')
        self.c.broker.publish_lines(self.topic, lines)

    def case(self, kind, nth, error):
        """One run. How many calls of each kind it made; what was not as it should is raised."""
        expect(self.spoiled, False, "a case before it failed")
        self.spoiled = True
        shutil.rmtree(self.state)
        shutil.copytree(self.base, self.state)
        self.database.points = {}
        self.publish()
        self.control.write_bytes(
            CONTROL.pack(KINDS.index(kind), nth, error, *[0] * len(KINDS)))
        try:
            self.run_with_the_fault()
            self.expect_all_there_after_a_start()
        except Exception as problem:
            raise AssertionError("%s: %s %d fails (errno %d): %s; its last words: %s" % (
                self.mode, kind, nth, error, problem, self.words[-5:])) from None
        self.spoiled = False
        return dict(zip(KINDS, CONTROL.unpack(self.control.read_bytes())[3:]))

    def run_with_the_fault(self):
        log = self.gateway.process.log
        log_at, self.words = log.stat().st_size, []
        process = self.services.start(
            "lifelined", [self.services.program("lifelined"), "-c", self.gateway.config_file],
            env=dict(os.environ, LD_PRELOAD=str(self.c.library), LIFELINE_NTH=str(self.control),
                     LIFELINE_NTH_LIBRARIES=LIBRARIES))
        try:
            wait_for("the readings at the database, or its end",
                     lambda: not process.running() or len(self.database.readings()) == len(
                         self.sent), LIMIT_S, 0.02)
            status = process.end(LIMIT_S)
        finally:
            process.kill()
            with open(log, "rb") as file:
                file.seek(log_at)
                self.words = file.read().decode(errors="replace").splitlines()
        clear = status == 0 or any(" info " not in line for line in self.words)
        expect((status >= 0, clear), (True, True), "no signal, a reason: status %d" % status)

    def expect_all_there_after_a_start(self):
        self.gateway.start()
        books = faults.wait_quiet(self.gateway, MESSAGES, LIMIT_S)
        wait_for("the alarms lane",
                 lambda: faults.destination(self.gateway)["alarms_in_flight"] == 0)
        faults.expect_balanced(self.gateway)
        expect(books["messages"]["decoded"], MESSAGES, "decoded of %s" % books["messages"])
        expect(self.database.readings(), self.sent, "points")
        transitions = sum(faults.transitions(self.gateway).values(), [])
        self.c.transitions = self.c.transitions or transitions
        expect(transitions, self.c.transitions, "transitions")
        expect(len(self.database.alarms()), len(transitions), "points of alarms")
        self.gateway.stop()

    def end(self):
        self.services.end_all()
        self.database.stop()


class Stage:
    def __init__(self, folder):
        self.folder = folder
        self.library = faults.preload_library(folder, "nth_call")
        self.services = Services(folder, BUILD)
        self.broker = Broker(self.services)
        self.transitions = None  # of an undisturbed run
        self.counts = {}  # by mode, of an undisturbed run
        self.lanes = []


def fixture(folder):
    c = Stage(folder)
    try:
        c.broker.start()
        c.lanes = [Lane(c, mode, n) for mode in SYNC_MODES for n in range(LANES_A_MODE)]
        for lane in c.lanes:
            lane.make_base()
        yield c
    finally:
        for lane in c.lanes:
            lane.end()
        c.services.end_all()


def which(count):
    """The calls that fail, of so many that a run makes."""
    if faults.SOAK or count <= FIRST + SAMPLE:
        return list(range(1, count + 1))
    step = (count - FIRST) / SAMPLE
    return list(range(1, FIRST + 1)) + [FIRST + int(step * (n + 1)) for n in range(SAMPLE)]


def each_may_fail(c, kind):
    cases = [(mode, nth, error) for mode in SYNC_MODES for nth in which(c.counts[mode][kind])
             for error in (ERRORS[kind] if faults.SOAK else [ERRORS[kind][nth % len(ERRORS[kind])]])]
    free = {mode: queue.SimpleQueue() for mode in SYNC_MODES}
    for lane in c.lanes:
        free[lane.mode].put(lane)

    def one(case):
        mode, nth, error = case
        lane = free[mode].get()
        try:
            return lane.case(kind, nth, error)[kind] >= nth
        finally:
            free[mode].put(lane)

    # The modes take turns, so that no lane waits for work.
    cases.sort(key=lambda case: case[1])
    with concurrent.futures.ThreadPoolExecutor(len(c.lanes)) as pool:
        met = list(pool.map(one, cases))
    expect(sum(met) > len(met) * 2 / 3, True, "cases in which the call was made: %d of %d" % (
        sum(met), len(met)))


def an_undisturbed_run_is_counted(c):
    for lane in c.lanes[::LANES_A_MODE]:
        c.counts[lane.mode] = lane.case("write", 0, 0)
    expect(len(c.transitions), 10, "transitions")
    for mode, counts in c.counts.items():
        expect(all(counts.values()), True, "calls of each kind: %s %s" % (mode, counts))


def each_write_may_fail(c):
    each_may_fail(c, "write")


def each_sync_may_fail(c):
    each_may_fail(c, "sync")


def each_rename_may_fail(c):
    each_may_fail(c, "rename")


def each_allocation_may_fail(c):
    each_may_fail(c, "allocation")


def each_allocation_of_a_library_may_fail(c):
    each_may_fail(c, "allocation in a library")


if __name__ == "__main__":
    run([an_undisturbed_run_is_counted, each_write_may_fail, each_sync_may_fail,
         each_rename_may_fail, each_allocation_may_fail, each_allocation_of_a_library_may_fail],
        fixture)
