#!/usr/bin/env python3
"""scripts/install-deps on machines made of stand-in tools: it asks apt for what is missing only."""

import shutil
import subprocess

from harness import ROOT, expect, expect_in, run

TOOLS = "sh cat env find grep mktemp rm true".split()
# Each stand-in reads and writes the folder in $MACHINE.
STAND_INS = {
    "dpkg-query": 'for name; do :; done\n'
                  'grep -qx "$name" "$MACHINE/installed" && printf installed',
    "apt-cache": 'grep -qx "$2" "$MACHINE/available" && echo "  Candidate: 1.0" || '
                 'echo "  Candidate: (none)"',
    "apt-get": 'echo "$*" >>"$MACHINE/calls"\n'
               'case "$*" in *install*) echo "0 upgraded, 20 newly installed, 0 to remove"\n'
               'n=0; while [ $n -lt 20 ]; do n=$((n+1)); echo "Unpacking p$n"; done ;; esac\n'
               'case "$*" in *install*) [ ! -e "$MACHINE/broken" ] || exit 100 ;; esac',
    "id": 'cat "$MACHINE/uid"',
}
ALL_OF_RUN = ["mosquitto", "mosquitto-clients", "python3", "curl", "influxdb", "influxdb-client"]


class Machine:
    def __init__(self, folder):
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))
        for name, text in STAND_INS.items():
            self.stand_in(name, text)

    def stand_in(self, name, text):
        (self.bin / name).write_text("#!/bin/sh\n%s\n" % text)
        (self.bin / name).chmod(0o755)

    def deps(self, *groups, installed, available=(), uid=0, broken=False):
        """Status, what it said, and the calls of apt-get."""
        for name, words in (("installed", installed), ("available", available), ("calls", ()),
                            ("uid", [str(uid)])):
            (self.folder / name).write_text("".join(word + "\n" for word in words))
        (self.folder / "broken").unlink(missing_ok=True)
        if broken:
            (self.folder / "broken").touch()
        done = subprocess.run([self.bin / "sh", ROOT / "scripts/install-deps", *groups],
                              capture_output=True, text=True, timeout=60,
                              env={"PATH": str(self.bin), "MACHINE": str(self.folder)})
        calls = (self.folder / "calls").read_text().splitlines()
        return done.returncode, done.stdout + done.stderr, calls


def machine(folder):
    yield Machine(folder)


def where_all_is_there_it_is_silent_and_needs_no_root(m):
    expect(m.deps("run", installed=ALL_OF_RUN, uid=1000), (0, "", []), "status, words, calls")


def what_is_missing_is_installed_and_said(m):
    status, words, calls = m.deps("run", installed=ALL_OF_RUN[1:])
    expect(status, 0, "status")
    expect_in("installing mosquitto\n", words, "words")
    expect_in("unpacked 20 of 20 packages", words, "progress")
    expect(calls[-1].split("--no-install-recommends")[-1].split(), ["mosquitto"], "installed")


def an_optional_package_that_is_not_to_be_had_is_left_out(m):
    status, words, calls = m.deps("run", installed=ALL_OF_RUN[1:4], available=["influxdb-client"])
    expect(status, 0, "status")
    expect_in("influxdb is not in this release", words, "words")
    expect(calls[-1].split("--no-install-recommends")[-1].split(),
           ["mosquitto", "influxdb-client"], "installed")


def without_root_and_sudo_it_says_what_to_do(m):
    status, words, calls = m.deps("run", installed=ALL_OF_RUN[1:], uid=1000)
    expect((status, calls), (1, []), "status and calls")
    expect_in("neither root nor sudo", words, "words")


def without_root_it_uses_sudo(m):
    m.stand_in("sudo", 'echo sudo >>"$MACHINE/calls"; exec "$@"')
    status, _, calls = m.deps("run", installed=ALL_OF_RUN[1:], uid=1000)
    (m.bin / "sudo").unlink()
    expect((status, [call.split()[0] for call in calls]), (0, ["sudo", "sudo", "-q", "sudo", "-q"]),
           "status and calls")


def a_sudo_that_refuses_is_none(m):
    m.stand_in("sudo", "exit 1")
    status, words, calls = m.deps("run", installed=ALL_OF_RUN[1:], uid=1000)
    (m.bin / "sudo").unlink()
    expect((status, calls), (1, []), "status and calls")
    expect_in("as root: apt-get install --no-install-recommends mosquitto\n", words, "words")


def without_root_and_sudo_it_does_without_what_is_optional(m):
    status, words, calls = m.deps("run", installed=ALL_OF_RUN[:4], available=ALL_OF_RUN, uid=1000)
    expect((status, calls), (0, []), "status and calls")
    expect_in("going on without influxdb influxdb-client\n", words, "words")


def what_apt_could_not_do_is_a_failure(m):
    status, words, _ = m.deps("run", installed=ALL_OF_RUN[1:], broken=True)
    expect(status, 1, "status")
    expect_in("could not install", words, "words")


def an_unknown_group_is_refused(m):
    status, words, _ = m.deps("runn", installed=[])
    expect(status, 1, "status")
    expect_in("unknown group 'runn'", words, "words")


if __name__ == "__main__":
    run([where_all_is_there_it_is_silent_and_needs_no_root, what_is_missing_is_installed_and_said,
         an_optional_package_that_is_not_to_be_had_is_left_out,
         without_root_and_sudo_it_says_what_to_do, without_root_it_uses_sudo,
         a_sudo_that_refuses_is_none, without_root_and_sudo_it_does_without_what_is_optional,
         what_apt_could_not_do_is_a_failure, an_unknown_group_is_refused], machine)
