"""What the fault tests share: how long they go on, a load that raises alarms, a second gateway that
nothing happens to, and looks into a gateway's own files.

With LIFELINE_SOAK=1 in the environment each test takes its long form.
"""

import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))

from harness import BUILD, ROOT, Skip, expect
from lifeline_services import Gateway, ServiceError, Services, UnixConnection, wait_for

SOAK = os.environ.get("LIFELINE_SOAK", "0") != "0"

# lifelinesim's load lies between 20 % and 25 % of a channel's range, so that one pressure in 25
# raises an alarm and every second one clears it. Nothing here depends on time.
PROFILE = {
    "profile": "fault_main",
    "kind": "water_main",
    "title": {"en": "test main", "zh": "测试供水管"},
    "channels": {
        "pressure": {"unit": "MPa", "min": 0, "max": 10, "detectors": [
            {"detector": "limit", "name": "high", "above": 2.48, "dead_band": 0.2,
             "priority": "high"}]},
        "flow": {"unit": "m3/h", "min": 0, "max": 1000},
    },
}
READINGS = 2  # of a message of the load


def short_or_soak(short, soak):
    return soak if SOAK else short


class Load:
    """Messages of lifelinesim for a city, with the sender's books."""

    def __init__(self, c, devices):
        self.c, self.devices = c, devices
        self.profile = c.folder / "fault_main.json"
        self.next_seq = 1
        self.books = []  # the files
        register(c, c.gateway, devices)

    def start(self, messages, rate=0):
        books = self.c.folder / ("books_%d.csv" % len(self.books))
        process = self.c.simulator(
            "load", "--devices", self.devices, "--profile", self.profile, "--messages", messages,
            "--rate", rate, "--first-seq", self.next_seq, "--books", books)
        self.books.append(books)
        self.next_seq += -(-messages // self.devices)
        return process

    def send(self, messages, rate=0, limit_s=600.0):
        """To its end; how many were acknowledged."""
        return self.c.finish(self.start(messages, rate), limit_s)["messages"]


def register(c, gateway, devices):
    """The load's devices."""
    names = ["load-%06d" % n for n in range(1, devices + 1)]
    files = {
        "profile": PROFILE,
        "asset": [{"id": name, "kind": "water_main", "district": "load"} for name in names],
        "device": [{"id": name, "asset": name, "profile": "fault_main"} for name in names],
    }
    for noun, rows in files.items():
        file = c.folder / ("fault_main.json" if noun == "profile" else noun + ".json")
        file.write_text(json.dumps(rows), encoding="utf-8")
        gateway.ctl(noun, "import", file)


class Witness:
    """A second gateway at the same broker, which nothing happens to: what it has in SQLite is what
    the first should have."""

    def __init__(self, c, devices):
        self.services = Services(c.folder / "witness", BUILD)
        self.gateway = Gateway(self.services, c.broker.uri, c.broker.password_file("gateway"),
                               gateway={"id": "witness"})
        self.gateway.start()
        register(c, self.gateway, devices)
        self.gateway.wait_connected()

    def end(self):
        try:
            self.gateway.stop()
        finally:
            self.services.end_all()


def preload_library(folder, name):
    """Builds tests/fault/<name>.c, to be loaded before the C library."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or os.environ.get("LIFELINE_SANITIZER"):
        raise Skip("no library can be loaded before the others here")
    library = folder / (name + ".so")
    subprocess.run([compiler, "-std=c17", "-D_GNU_SOURCE", "-shared", "-fPIC", "-O1", "-o", library,
                    ROOT / "tests/fault" / (name + ".c")], check=True)
    return library


def select(gateway, query):
    """From the gateway's own SQLite file."""
    db = sqlite3.connect("file:%s?mode=ro" % (gateway.folder / "state/lifeline.db"), uri=True)
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


def transitions(gateway):
    """{(device, channel, condition): its transitions in order}"""
    found = {}
    for *alarm, before, after in select(gateway, (
            "SELECT a.device, a.channel, a.condition, t.from_state, t.to_state"
            " FROM alarm_transition t JOIN alarm a ON a.id = t.alarm"
            " ORDER BY t.source_seq, t.source_nth")):
        found.setdefault(tuple(alarm), []).append((before, after))
    return found


def last_of_alarms(gateway):
    """Each alarm as it stands, but for numbers and times."""
    return sorted(select(gateway, "SELECT device, channel, condition, state, value FROM alarm"))


def expect_balanced(gateway):
    books = gateway.ledger()
    expect((books["messages"]["balanced"], books["readings"]["balanced"]), (True, True),
           "balanced: messages, readings of %s" % json.dumps(books))
    return books


def destination(gateway, number=0):
    return gateway.get("/api/v1/status")["destinations"][number]


def metrics(gateway):
    """{name: value} of those without labels."""
    connection = UnixConnection(gateway.socket, 60)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    lines = (line.split() for line in text.splitlines() if line and line[0] != "#")
    return {words[0]: float(words[1]) for words in lines if "{" not in words[0]}


def wait_quiet(gateway, decoded, limit_s=60.0):
    """The ledger, once so many messages were taken and nothing is under way."""
    def probe():
        books = gateway.ledger()
        done = (books["messages"]["decoded"] >= decoded and
                books["messages"]["in_flight"] == 0 and books["readings"]["in_flight"] == 0)
        return books if done else None
    try:
        return wait_for("%d messages to settle" % decoded, probe, limit_s, 0.1)
    except ServiceError as error:
        raise ServiceError("%s; the ledger: %s" % (error, json.dumps(gateway.ledger()))) from None
