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

    def __init__(self, folder, *words):
        self.build = folder / "build"
        self.build.mkdir(parents=True)
        for program in PROGRAMS:
            (self.build / program).symlink_to(BUILD / program)
        self.log = folder / "demo.log"
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


class Demos:
    """They are started together, since each takes its time and little else."""

    def __init__(self, folder):
        self.whole = DemoRun(folder / "whole", "--duration", "24") if Influx.installed() else None
        self.alone = DemoRun(folder / "alone", "--duration", "24", "--without-database")
        self.endless = DemoRun(folder / "endless")

    def end(self):
        runs = [run.process for run in (self.whole, self.alone, self.endless) if run]
        for process in runs:
            if process.poll() is None:
                process.terminate()
        for process in runs:
            process.wait(60)


def fixture(folder):
    demos = Demos(folder)
    yield demos
    demos.end()


def ends_by_itself(demo):
    status = demo.process.wait(200)
    expect(status, 0, "status; the end of its output: %s" % demo.text()[-3000:])
    expect_in("all checks hold", demo.text(), "its output")
    expect_in("the injected gas leak raised an alarm", demo.text(), "its output")


def ctrl_c_ends_what_it_started_and_nothing_else(demos):
    demo = demos.endless
    bystander = subprocess.Popen([shutil.which("sleep"), "600"])
    try:
        wait_for("the live view", lambda: "readings/s" in demo.text(), 60)
        children = demo.children()
        expect({"mosquitto", "lifelined", "lifelinesim"} <= set(children.values()), True,
               "running: %s" % children)
        demo.process.send_signal(signal.SIGINT)
        expect(demo.process.wait(60), 0, "status")
        expect([name for pid, name in children.items() if os.path.exists("/proc/%d" % pid)], [],
               "still running")
        expect([process.poll() for process in (bystander, demos.alone.process)], [None, None],
               "status of the bystanders")
    finally:
        bystander.kill()
        bystander.wait()


def it_ends_by_itself_and_its_checks_hold(demos):
    if not demos.whole:
        raise Skip("InfluxDB is not installed")
    ends_by_itself(demos.whole)
    expect_in("readings found in InfluxDB", demos.whole.text(), "its output")


def without_influxdb_the_gateway_alone_does(demos):
    ends_by_itself(demos.alone)
    expect_in("recent store", demos.alone.text(), "its output")


if __name__ == "__main__":
    run([ctrl_c_ends_what_it_started_and_nothing_else, it_ends_by_itself_and_its_checks_hold,
         without_influxdb_the_gateway_alone_does], fixture)
