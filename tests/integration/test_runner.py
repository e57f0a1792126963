#!/usr/bin/env python3
"""The test runner counts, and notices failures, crashes, tests that hang, and what they leave."""

import os
import pathlib
import re
import signal
import subprocess
import sys

from harness import ROOT, expect, expect_in, run
from lifeline_services import wait_for

PROGRAMS = {
    "good": 'echo "[  PASSED  ] 3 test(s)."',
    "bad": 'echo "[  PASSED  ] 1 test(s)."; echo "expected 1, got 2"; '
           'echo "[  FAILED  ] 2 test(s), listed below:"; exit 2',
    "crash": 'echo "[  PASSED  ] 1 test(s)."; kill -SEGV $$',
    "empty": "true",
    "leak": 'echo "[  PASSED  ] 1 test(s)."; exit 1',
    "hang": 'echo "[  PASSED  ] 1 test(s)."; sleep 1000 & echo $! >"$OUT/hung"; wait',
    "slow": 'echo "$TMPDIR" >"$OUT/slow_tmpdir"; sleep 1000 & echo $! >"$OUT/slow"; wait',
    "orphan": 'sleep 1000 & echo $! >"$OUT/orphan"; echo "$TMPDIR" >"$OUT/tmpdir"; '
              'touch "$TMPDIR/file"; echo "[  PASSED  ] 1 test(s)."',
}


def programs(folder):
    unit = folder / "tests/unit/stage"
    unit.mkdir(parents=True)
    for name, text in PROGRAMS.items():
        (unit / ("test_" + name)).write_text("#!/bin/sh\n%s\n" % text)
        (unit / ("test_" + name)).chmod(0o755)
    yield folder


def runner(folder, *names, limit_s=None):
    """The finished runner over the programs of these names."""
    source = (ROOT / "tests/run").read_text()
    if limit_s:
        source = re.sub(r'"unit": \d+', '"unit": %d' % limit_s, source)
        source = source.replace("Path(__file__)", "Path(%r)" % str(ROOT / "tests/run"))
    command = [sys.executable, "-B", "-c", source, "--build", str(folder), "--only", "unit"]
    if not limit_s:
        command = [str(ROOT / "tests/run"), "--build", str(folder), "--only", "unit"]
    return subprocess.run(command + ["test_" + name for name in names], capture_output=True,
                          text=True, env=dict(os.environ, OUT=str(folder)), timeout=60)


def last_line(done):
    return done.stdout.splitlines()[-1]


def gone(pid):
    try:
        return pathlib.Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def what_passes_is_counted(folder):
    done = runner(folder, "good")
    expect((last_line(done), done.returncode), ("3 passed, 0 failed", 0), "good")
    if "expected" in done.stdout:
        raise AssertionError("the output of a test that passed was printed")


def what_fails_is_counted_and_shown(folder):
    done = runner(folder, "good", "bad")
    expect((last_line(done), done.returncode), ("4 passed, 2 failed", 1), "good and bad")
    expect_in("expected 1, got 2", done.stdout, "the output of the one that failed")


def a_crash_is_a_failure(folder):
    done = runner(folder, "crash")
    expect((last_line(done), done.returncode), ("1 passed, 1 failed", 1), "crash")
    expect_in("died of SIGSEGV", done.stdout, "why")


def a_status_alone_is_a_failure(folder):
    done = runner(folder, "leak")
    expect((last_line(done), done.returncode), ("1 passed, 1 failed", 1), "leak")


def a_program_without_tests_is_a_failure(folder):
    expect(last_line(runner(folder, "empty")), "0 passed, 1 failed", "empty")


def no_test_at_all_is_a_failure(folder):
    done = runner(folder, "there_is_no_such_test")
    expect((last_line(done), done.returncode), ("0 passed, 0 failed", 1), "nothing")


def one_that_hangs_is_ended_with_its_group(folder):
    done = runner(folder, "hang", limit_s=1)
    expect(last_line(done), "1 passed, 1 failed", "hang")
    expect_in("ended after its limit of 1 s", done.stdout, "why")
    expect(gone(int((folder / "hung").read_text())), True, "the child is gone")


def what_a_test_leaves_is_ended_and_removed(folder):
    expect(last_line(runner(folder, "orphan")), "1 passed, 0 failed", "orphan")
    expect(gone(int((folder / "orphan").read_text())), True, "the child is gone")
    expect(pathlib.Path((folder / "tmpdir").read_text().strip()).exists(), False, "TMPDIR is there")


def an_interrupted_run_leaves_nothing(folder):
    for number in (signal.SIGINT, signal.SIGTERM):
        (folder / "slow").unlink(missing_ok=True)
        runs = subprocess.Popen([ROOT / "tests/run", "--build", folder, "test_slow"],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env=dict(os.environ, OUT=str(folder)))
        wait_for("the test", lambda: (folder / "slow").exists() and (folder / "slow").read_text())
        runs.send_signal(number)
        words = runs.communicate(timeout=60)[0]
        expect((runs.returncode, words), (130, "tests/run: interrupted\n"), "status and words")
        expect(gone(int((folder / "slow").read_text())), True, "the child is gone")
        tmpdir = pathlib.Path((folder / "slow_tmpdir").read_text().strip())
        expect(tmpdir.parent.exists(), False, "its folder is there")


if __name__ == "__main__":
    run([what_passes_is_counted, what_fails_is_counted_and_shown, a_crash_is_a_failure,
         a_status_alone_is_a_failure, a_program_without_tests_is_a_failure,
         no_test_at_all_is_a_failure, one_that_hangs_is_ended_with_its_group,
         what_a_test_leaves_is_ended_and_removed, an_interrupted_run_leaves_nothing], programs)
