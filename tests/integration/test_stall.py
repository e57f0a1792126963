#!/usr/bin/env python3
"""The spool is full and holds: the pipeline stands still. What waits for it, a command or a reload,
holds up nothing else."""

import json
import signal
import subprocess

from city import City, now_ms, wait_for
from harness import BUILD, expect, expect_in, run
from lifeline_services import free_port

NOWHERE = {"name": "nowhere", "type": "influxdb1", "database": "none"}


def fixture(folder):
    away = dict(NOWHERE, url="http://127.0.0.1:%d" % free_port())
    c = City(folder, influx=False, start=False, spool={"max_mib": 4, "on_full": "hold"})
    c.gateway.config["destinations"] = [away]
    c.gateway.write_config()
    try:
        c.start(1)
        fill(c)
        yield c
    finally:
        c.services.end_all()


def fill(c):
    lines = []
    ts = now_ms() - 3600 * 1000
    for seq in range(1, 151):
        batch = [{"ts": ts + seq * 1000 + n, "r": {"trips": n}} for n in range(1000)]
        lines.append(json.dumps({"seq": seq, "batch": batch}, separators=(",", ":")))
    c.broker.publish_lines("lifeline/v1/up/d1", lines)
    wait_for("the stall", lambda: "pipeline stalled" in c.gateway.process.log_text(), 60)


def what_is_asked_while_a_command_waits_is_answered(c):
    file = c.folder / "more.csv"
    file.write_text("id,kind\na99,gas_pipe\n")
    waiting = subprocess.Popen([str(BUILD / "lifelinectl"), "--socket", str(c.gateway.socket),
                                "asset", "import", str(file)], stderr=subprocess.PIPE, text=True)
    try:
        wait_for("the asset, as another request sees it", lambda: [
            row["id"] for row in c.gateway.ctl("asset", "list", "a99")["items"]] == ["a99"])
        expect(c.gateway.ctl("alarms", "list")["total"], 0, "alarms")
        expect(c.gateway.ledger()["messages"]["in_flight"] > 0, True, "messages wait")
        expect(waiting.poll(), None, "status of the import meanwhile")
        expect_in("1 rows were imported, but are not in use yet: timed out",
                  waiting.communicate(timeout=60)[1], "what it says in the end")
    finally:
        waiting.kill()
        waiting.wait()


def a_reload_that_waits_does_not_hold_up_the_end(c):
    process = c.gateway.process
    process.popen.send_signal(signal.SIGHUP)
    wait_for("the profiles", lambda: process.log_text().count("registry profiles") == 2)
    process.popen.send_signal(signal.SIGTERM)
    expect(process.popen.wait(60), 0, "exit status")
    log = process.log_text()
    expect_in("app reload_failed what=registry reason=\"timed out\"", log, "log")
    expect(log.index("app stopping") < log.index("app reload_failed"), True,
           "the signal was taken while the reload waited")


if __name__ == "__main__":
    run([what_is_asked_while_a_command_waits_is_answered,
         a_reload_that_waits_does_not_hold_up_the_end], fixture)
