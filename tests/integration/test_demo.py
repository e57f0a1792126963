#!/usr/bin/env python3
"""The demo ends by itself with all checks holding, and Ctrl-C ends all that it started."""

import os
import pathlib
import shutil
import signal
import subprocess

from harness import BUILD, ROOT, Skip, expect, expect_in, run
from lifeline_services import Influx, wait_for

PROGRAMS = ("lifelined", "lifelinectl", "lifelinesim")


class DemoRun:
    """scripts/demo over a build folder of its own, so that two runs do not share their state."""

    def __init__(self, folder):
        self.build = folder / "build"
        self.build.mkdir()
        for program in PROGRAMS:
            (self.build / program).symlink_to(BUILD / program)
        self.log = folder / "demo.log"
        self.process = None

    def start(self, *words):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [ROOT / "scripts/demo", "--build", self.build, *words], stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT)

    def text(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def children(self):
        """{pid: name} of what it started."""
        found = {}
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                name, fields = stat.read_text().split("(", 1)[1].rsplit(")", 1)
            except (OSError, IndexError):
                continue
            if int(fields.split()[1]) == self.process.pid:
                found[int(stat.parent.name)] = name
        return found


def fixture(folder):
    demo = DemoRun(folder)
    yield demo
    if demo.process and demo.process.poll() is None:
        demo.process.terminate()
        demo.process.wait(60)


def run_to_its_end(demo, *words):
    demo.start("--duration", "24", *words)
    status = demo.process.wait(200)
    expect(status, 0, "status; the end of its output: %s" % demo.text()[-3000:])
    expect_in("all checks hold", demo.text(), "its output")
    expect_in("the injected gas leak raised an alarm", demo.text(), "its output")


def it_ends_by_itself_and_its_checks_hold(demo):
    if not Influx.installed():
        raise Skip("InfluxDB is not installed")
    run_to_its_end(demo)
    expect_in("readings found in InfluxDB", demo.text(), "its output")


def without_influxdb_the_gateway_alone_does(demo):
    run_to_its_end(demo, "--without-database")
    expect_in("recent store", demo.text(), "its output")


def ctrl_c_ends_what_it_started_and_nothing_else(demo):
    bystander = subprocess.Popen([shutil.which("sleep"), "600"])
    try:
        demo.start()
        wait_for("the live view", lambda: "readings/s" in demo.text(), 60)
        children = demo.children()
        expect({"mosquitto", "lifelined", "lifelinesim"} <= set(children.values()), True,
               "running: %s" % children)
        demo.process.send_signal(signal.SIGINT)
        expect(demo.process.wait(60), 0, "status")
        expect([name for pid, name in children.items() if os.path.exists("/proc/%d" % pid)], [],
               "still running")
        expect(bystander.poll(), None, "the bystander's status")
    finally:
        bystander.kill()
        bystander.wait()


if __name__ == "__main__":
    run([it_ends_by_itself_and_its_checks_hold, without_influxdb_the_gateway_alone_does,
         ctrl_c_ends_what_it_started_and_nothing_else], fixture)
