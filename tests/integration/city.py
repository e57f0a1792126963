"""A gateway with a private broker and database, a few devices, and what tests do with them."""

import json
import subprocess
import time

from harness import BUILD, ROOT, Skip, expect
from lifeline_services import Broker, Gateway, Influx, ServiceError, Services, Victoria, wait_for

# A profile of the tests' own, so that they do not hang on what the field's profiles say.
PROFILE = {
    "profile": "it_pipe",
    "kind": "gas_pipe",
    "title": {"en": "test pipe", "zh": "测试管道"},
    # So that a wrong time is refused, and not put right.
    "device_clock": "keep",
    "channels": {
        "pressure": {"unit": "MPa", "min": 0, "max": 1.6},
        "methane": {"unit": "%LEL", "min": 0, "max": 100, "detectors": [
            {"detector": "limit", "name": "gas_high", "above": 20, "dead_band": 5,
             "priority": "high"}]},
        "door": {"unit": "state", "type": "bool"},
        "trips": {"unit": "1", "type": "int", "min": 0, "max": 1000000},
    },
}


def now_ms():
    return time.time_ns() // 1000000


class City:
    """`devices` d1 … dN on assets a1 … aN. Counts what it sends."""

    def __init__(self, folder, devices=1, influx=True, victoria=False, start=True, **changes):
        self.folder = folder
        self.services = Services(folder, BUILD)
        self.broker = Broker(self.services)
        self.influx = Influx(self.services) if influx and Influx.installed() else None
        self.victoria = Victoria(self.services) if victoria and Victoria.installed() else None
        destinations = [db.destination() for db in (self.influx, self.victoria) if db]
        self.gateway = Gateway(self.services, self.broker.uri,
                               self.broker.password_file("gateway"), destinations, **changes)
        self.sent = 0
        self.seq = 0
        self.files = None
        if start:
            self.start(devices)

    def start(self, devices):
        try:
            self.broker.start()
            for database in (self.influx, self.victoria):
                if database:
                    database.start()
            self.gateway.start()
            self.register(devices)
            self.gateway.wait_connected()
        except BaseException:
            self.services.end_all()
            raise

    def register(self, devices):
        """The tests' profile, and devices with it."""
        numbers = range(1, devices + 1)
        self.import_rows("profile", PROFILE)
        self.import_rows("asset", [{"id": "a%d" % n, "kind": "gas_pipe", "district": "north"}
                                   for n in numbers])
        self.import_rows("device", [{"id": "d%d" % n, "asset": "a%d" % n, "profile": "it_pipe"}
                                    for n in numbers])

    def import_rows(self, noun, rows):
        file = self.folder / (noun + ".json")
        file.write_text(json.dumps(rows), encoding="utf-8")
        return self.gateway.ctl(noun, "import", file)

    def import_registry(self, folder):
        """What lifelinesim wrote."""
        self.gateway.ctl("asset", "import", folder / "assets.csv")
        self.gateway.ctl("device", "import", folder / "devices.csv")

    def send(self, payload, device="d1"):
        """A message as it stands; counted, whatever becomes of it."""
        self.broker.publish("lifeline/v1/up/" + device,
                            payload if isinstance(payload, (str, bytes)) else json.dumps(payload))
        self.sent += 1

    def read(self, device="d1", ts=None, **readings):
        """A message of readings, numbered and, unless `ts` says else, of this moment. Its time."""
        self.seq += 1
        ts = now_ms() if ts is None else ts
        self.send({"seq": self.seq, "ts": ts, "r": readings}, device)
        return ts

    def settle(self, limit_s=60.0):
        return self.gateway.wait_settled(self.sent, limit_s)

    def simulator(self, *words):
        """lifelinesim at this broker, started."""
        return self.services.start("lifelinesim", [
            self.services.program("lifelinesim"), *words, "--uri", self.broker.uri,
            "--username", "devices", "--password-file", self.broker.password_file("devices"),
            "--json"])

    def simulate(self, *words, limit_s=240.0):
        """The same, to its end; its summary. What was acknowledged counts as sent."""
        summary = self.finish(self.simulator(*words), limit_s)
        self.sent += summary["messages"]
        return summary

    @staticmethod
    def finish(process, limit_s=240.0):
        try:
            status = process.popen.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise ServiceError("lifelinesim did not end within %.0f s" % limit_s) from None
        if status != 0:
            raise ServiceError("lifelinesim: status %d: %s" % (status, process.log_text()[-2000:]))
        return json.loads(process.log_text().strip().splitlines()[-1])

    def need_influx(self):
        if self.influx is None:
            raise Skip("InfluxDB is not installed")
        return self.influx

    def need_victoria(self):
        if self.victoria is None:
            raise Skip("VictoriaMetrics is not installed")
        return self.victoria

    def note_files(self):
        """How many files the gateway has open, now that it has done once all that it does."""
        self.files = self.gateway.process.open_files()

    def expect_same_files(self):
        wait_for("the gateway's %d open files (it has %d)" % (
            self.files, self.gateway.process.open_files()),
            lambda: self.gateway.process.open_files() <= self.files, 15)



def expect_balance(ledger):
    expect((ledger["messages"]["balanced"], ledger["readings"]["balanced"]), (True, True),
           "balanced: messages, readings of %s" % json.dumps(ledger))
    expect_sum_of_sources(ledger)


def expect_sum_of_sources(ledger):
    """Each state of the books in all is the sum over the sources."""
    def flat(books):
        return dict(books, **books["rejected"])

    for what, states in (("messages", ("decoded", "duplicate", "retained")),
                         ("readings", ("decoded", "duplicate", "late"))):
        parts = [flat(source[what]) for source in ledger["sources"]]
        expect([part["balanced"] for part in parts], [True] * len(parts), what + " balanced")
        whole = flat(ledger[what])
        for state in (*states, *ledger[what]["rejected"]):
            expect(sum(part[state] for part in parts), whole[state], "%s %s" % (what, state))
    expect(sum(source["messages"]["received"] for source in ledger["sources"]),
           ledger["messages"]["received"] - ledger["messages"]["in_flight"], "messages taken")


def city(**arguments):
    """A fixture for harness.run()."""
    def fixture(folder):
        c = City(folder, **arguments)
        try:
            yield c
            c.gateway.stop()
        finally:
            c.services.end_all()
    return fixture


__all__ = ["City", "PROFILE", "ROOT", "city", "expect_balance", "now_ms", "wait_for"]
