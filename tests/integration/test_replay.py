#!/usr/bin/env python3
"""A recorded intake journal, replayed, gives the alarms that the gateway gave."""

import json
import shutil
import subprocess

from city import City
from harness import expect, expect_in, run

DEVICES = 3


def fixture(folder):
    c = City(folder, devices=DEVICES, influx=False)
    try:
        for number, methane in enumerate((5.0, 30.0, 31.0, 2.0, 50.0)):
            for device in range(1, DEVICES + 1):
                c.read("d%d" % device, methane=methane + device, pressure=0.1 * number)
        c.send("not JSON")
        c.settle()
        alarm = c.gateway.ctl("alarms")["items"][0]["id"]
        c.gateway.ctl("alarms", "ack", str(alarm), "--note", "seen")
        c.alarms = [c.gateway.ctl("alarms", "show", str(row["id"]))
                    for row in c.gateway.ctl("alarms", "list", "--all")["items"]]
        c.books = c.gateway.ledger()
        c.gateway.stop()
        c.recorded = folder / "recorded"
        shutil.copytree(c.gateway.folder / "state/intake", c.recorded)
        c.registry = folder / "registry"
        c.registry.mkdir()
        ids = range(1, DEVICES + 1)
        (c.registry / "assets.csv").write_text(
            "id,kind,district\n" + "".join("a%d,gas_pipe,north\n" % n for n in ids))
        (c.registry / "devices.csv").write_text(
            "id,asset,profile\n" + "".join("d%d,a%d,it_pipe\n" % (n, n) for n in ids))
        c.profiles = folder / "profiles"
        c.profiles.mkdir()
        shutil.copy(folder / "profile.json", c.profiles / "it_pipe.json")
        c.gateway.config["registry"]["profiles_dir"] = str(c.profiles)
        c.gateway.write_config()
        yield c
    finally:
        c.services.end_all()


def replay(c, out, intake=None, registry=None):
    return subprocess.run(
        [c.services.program("lifelined"), "-c", c.gateway.config_file, "--replay",
         intake or c.recorded, "--registry", registry or c.registry, "--out", out],
        capture_output=True, text=True, timeout=60, check=False)


def transitions(out):
    return [json.loads(line) for line in (out / "transitions.jsonl").read_text().splitlines()]


def it_gives_the_alarms_that_the_gateway_gave(c):
    out = c.folder / "out"
    done = replay(c, out)
    expect(done.returncode, 0, "status: %s" % done.stderr)
    rows = transitions(out)
    seen = {(row["alarm"], row["at_ms"], row["from"], row["to"]) for row in rows}
    expected = {(a["alarm"]["id"], t["at_ms"], t["from"], t["to"])
                for a in c.alarms for t in a["transitions"]}
    expect(len(expected) >= 3 * DEVICES, True, "%d transitions" % len(expected))
    expect(seen, expected, "transitions")
    texts = {row["alarm"]: row["text_zh"] for row in rows}
    expect(texts, {a["alarm"]["id"]: a["alarm"]["text_zh"] for a in c.alarms}, "texts")
    ledger = json.loads((out / "ledger.json").read_text())
    expect(ledger["messages"]["received"], c.books["messages"]["received"], "messages")
    expect(ledger["readings"]["kept"], c.books["readings"]["kept"], "readings")
    expect_in("%d messages" % c.books["messages"]["received"], done.stdout, "summary")


def twice_gives_the_same_bytes(c):
    again = c.folder / "again"
    expect(replay(c, again).returncode, 0, "status")
    expect((again / "transitions.jsonl").read_bytes(),
           (c.folder / "out/transitions.jsonl").read_bytes(), "transitions")


def what_is_wrong_is_named_and_nothing_is_overwritten(c):
    bad = c.folder / "bad"
    bad.mkdir()
    (bad / "assets.csv").write_text("id,kind\na1,gas_pipe\n")
    (bad / "devices.csv").write_text("id,asset,profile\nd1,a1,it_pip\n")
    for words, options in (
            ("out: holds an earlier replay", {"out": c.folder / "out"}),
            ("nowhere: not found", {"out": c.folder / "o1", "intake": c.folder / "nowhere"}),
            ("nowhere/assets.csv: not found",
             {"out": c.folder / "o2", "registry": c.folder / "nowhere"}),
            ("bad/devices.csv:2:", {"out": c.folder / "o3", "registry": bad})):
        done = replay(c, **options)
        expect(done.returncode, 1, "status for %s" % words)
        expect_in(words, done.stderr, words)
    expect((c.folder / "nowhere").exists(), False, "a folder was made")


if __name__ == "__main__":
    run([it_gives_the_alarms_that_the_gateway_gave, twice_gives_the_same_bytes,
         what_is_wrong_is_named_and_nothing_is_overwritten], fixture)
