"""What the integration tests share: the list of tests, their lines, and their folder.

A test is a function whose name is a sentence; it gets the fixture's value and raises where
something is not so. Lines: `ok - name`, `not ok - name: reason`, `skip - name: reason`; the last
one counts them.
"""

import os
import pathlib
import shutil
import sys
import tempfile
import traceback

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

BUILD = pathlib.Path(os.environ.get("LIFELINE_BUILD", ROOT / "build")).resolve()


class Skip(Exception):
    """Raised by a test that lacks what it needs on this machine."""


def expect(actual, expected, what):
    if actual != expected:
        raise AssertionError("%s: expected %r, got %r" % (what, expected, actual))


def expect_in(part, whole, what):
    if part not in whole:
        raise AssertionError("%s: expected %r in %r" % (what, part, whole))


class Folder:
    """A temporary folder that is gone at the end."""

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="it-"))
        return self.path

    def __exit__(self, *exc):
        shutil.rmtree(self.path, ignore_errors=True)


def say(mark, name, reason=""):
    print("%s - %s%s" % (mark, name, ": %s" % reason if reason else ""), flush=True)


def run_one(name, step):
    """Runs a test, or a half of the fixture. "passed", "failed" or "skipped"."""
    try:
        step()
        return "passed"
    except Skip as skip:
        say("skip", name, skip)
        return "skipped"
    except Exception as error:  # a test may fail in any way
        place = traceback.extract_tb(error.__traceback__)
        at = ([frame for frame in place if "test_" in frame.filename] or place)[-1]
        say("not ok", name, "%s (%s:%d)" % (
            error or type(error).__name__, os.path.basename(at.filename), at.lineno))
        return "failed"


def show_logs(folder):
    for log in sorted(folder.glob("*.log")):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        print("--- the end of %s" % log.name)
        print("\n".join(lines[-40 if log.name == "lifelined.log" else -8:]))


def run(tests, fixture):
    """Runs them in order over one fixture: a generator function of the folder, with one yield. A
    fixture that does not start fails all of them."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    with Folder() as folder:
        stage = fixture(folder)
        value = []
        start = run_one("everything starts", lambda: value.append(next(stage)))
        for test in tests:
            name = test.__name__.replace("_", " ")
            how = start if start != "passed" else run_one(name, lambda: test(value[0]))
            if how == "passed":
                say("ok", name)
            counts[how] += 1
        if run_one("everything ends in order", lambda: next(stage, None)) == "failed":
            counts["failed"] += 1
        stage.close()
        if counts["failed"]:
            show_logs(folder)
    print("%d passed, %d failed" % (counts["passed"], counts["failed"]) +
          (", %d skipped" % counts["skipped"] if counts["skipped"] else ""))
    sys.exit(1 if counts["failed"] else 0)
