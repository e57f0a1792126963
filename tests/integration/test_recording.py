#!/usr/bin/env python3
"""A simulated city recorded as an intake journal: the same seed gives the same bytes, and a replay
raises the alarms of the faults that the truth file tells of."""

import json
import subprocess

from harness import BUILD, ROOT, expect, expect_in, run

DEMO = ROOT / "config/scenarios/demo.json"


class Rig:
    def __init__(self, folder):
        self.folder = folder
        self.config = folder / "lifelined.json"
        self.config.write_text(json.dumps({
            "gateway": {"id": "replay", "self_report_s": 0},
            "mqtt": {"uris": ["mqtt://127.0.0.1:1"]},
            "registry": {"profiles_dir": str(ROOT / "config/profiles")}}))

    def record(self, name, *words):
        done = subprocess.run([BUILD / "lifelinesim", "run", DEMO, "--journal", self.folder / name,
                               *words], capture_output=True, text=True, timeout=120, check=False)
        return done

    def bytes_of(self, name):
        return {str(file.relative_to(self.folder / name)): file.read_bytes()
                for file in sorted((self.folder / name).rglob("*"))
                if file.is_file() and file.name != "lock"}

    def replay(self, name, out):
        done = subprocess.run(
            [BUILD / "lifelined", "-c", self.config, "--replay", self.folder / name / "intake",
             "--registry", self.folder / name / "registry", "--out", self.folder / out],
            capture_output=True, text=True, timeout=120, check=False)
        expect(done.returncode, 0, "status: %s" % done.stderr)
        return [json.loads(line) for line in
                (self.folder / out / "transitions.jsonl").read_text().splitlines()]


def fixture(folder):
    yield Rig(folder)


def the_same_seed_gives_the_same_bytes(rig):
    for name, seed in (("one", "7"), ("two", "7"), ("other", "8")):
        done = rig.record(name, "--seed", seed, "--duration", "1200")
        expect(done.returncode, 0, "status: %s" % done.stderr)
    expect(rig.bytes_of("one") == rig.bytes_of("two"), True, "same bytes")
    expect(rig.bytes_of("one") == rig.bytes_of("other"), False, "same bytes by another seed")


def a_replay_finds_the_faults(rig):
    rows = rig.replay("one", "out")
    truth = [json.loads(line) for line in
             (rig.folder / "one/truth.jsonl").read_text().splitlines()]
    expect(sorted(row["kind"] for row in truth), ["entrapment", "gas_leak"], "faults")
    for fault in truth:
        first = [row["at_ms"] for row in rows if row["asset"] == fault["asset"] and
                 row["channel"] == fault["channel"] and row["to"] == "unacknowledged"]
        expect(len(first) > 0, True, "an alarm of %s" % fault["kind"])
        expect(min(first) >= fault["onset"], True, "%d of %s" % (min(first), fault))
    ledger = json.loads((rig.folder / "out/ledger.json").read_text())
    expect(ledger["messages"]["received"], ledger["messages"]["decoded"], "messages decoded")


def the_score_says_so(rig):
    done = subprocess.run(
        [BUILD / "lifelinesim", "score", "--truth", rig.folder / "one/truth.jsonl", "--alarms",
         rig.folder / "out/transitions.jsonl", "--json"],
        capture_output=True, text=True, timeout=60, check=False)
    expect(done.returncode, 0, "status: %s" % done.stderr)
    score = json.loads(done.stdout)
    expect({row["kind"]: row["recall"] for row in score["faults"]},
           {"entrapment": 1, "gas_leak": 1}, "recall")
    expect(score["alarms"] >= 2, True, "alarms: %s" % score["alarms"])


def what_cannot_be_is_named(rig):
    for words, name, options in (
            ("holds a recording", "one", ["--duration", "10"]),
            ("needs --duration", "new", []),
            ("expected a date", "new", ["--duration", "10", "--start", "tomorrow"])):
        done = rig.record(name, *options)
        expect(done.returncode != 0, True, "status for %s" % words)
        expect_in(words, done.stderr, words)
    expect((rig.folder / "new").exists(), False, "a folder was made")


if __name__ == "__main__":
    run([the_same_seed_gives_the_same_bytes, a_replay_finds_the_faults, the_score_says_so,
         what_cannot_be_is_named], fixture)
