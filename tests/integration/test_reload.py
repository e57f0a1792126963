#!/usr/bin/env python3
"""SIGHUP reloads what can be reloaded, says what cannot, and a bad file changes nothing."""

import json
import signal

from city import PROFILE, City, expect_balance, wait_for
from harness import expect, expect_in, run


def fixture(folder):
    profiles = folder / "profiles"
    profiles.mkdir()
    c = City(folder, registry={"profiles_dir": str(profiles)})
    c.profiles = profiles
    try:
        yield c
        c.gateway.stop()
    finally:
        c.services.end_all()


def reload_until(c, words):
    """Asks for a reload and waits for the words in what the log got since."""
    before = len(c.gateway.process.log_text())
    c.gateway.process.popen.send_signal(signal.SIGHUP)
    wait_for("%r in the log" % words, lambda: c.gateway.process.check_runs() and
             words in c.gateway.process.log_text()[before:], 20)
    return c.gateway.process.log_text()[before:]


def profile_names(c):
    return [row["profile"] for row in c.gateway.ctl("profile", "list")["items"]]


def a_new_profile_is_taken(c):
    expect("it_new" in profile_names(c), False, "it_new before")
    (c.profiles / "new.json").write_text(json.dumps(dict(PROFILE, profile="it_new")))
    reload_until(c, "reloaded")
    expect("it_new" in profile_names(c), True, "it_new after")


def a_changed_profile_is_in_use_at_once(c):
    c.read(pressure=2.0)
    expect(c.settle()["readings"]["rejected"]["out_of_range"], 1, "out_of_range before")
    profile = json.loads(json.dumps(PROFILE))
    profile["channels"]["pressure"]["max"] = 4
    (c.profiles / "pipe.json").write_text(json.dumps(profile))
    reload_until(c, "reloaded")
    c.read(pressure=2.0)
    expect(c.settle()["readings"]["rejected"]["out_of_range"], 1, "out_of_range after")


def type_of_visits(c):
    rows = c.gateway.ctl("field", "list", "gas_pipe.visits")["items"]
    return rows[0]["type"] if rows else None


def write_visits(c, kind):
    profile = json.loads((c.profiles / "pipe.json").read_text())
    profile["channels"]["visits"] = {"unit": "1", "type": kind, "min": 0, "max": 9}
    (c.profiles / "pipe.json").write_text(json.dumps(profile))


def a_type_that_a_database_may_have_already_is_not_changed(c):
    write_visits(c, "int")
    reload_until(c, "reloaded")
    expect(type_of_visits(c), "int", "type of a new channel")
    write_visits(c, "float")
    log = reload_until(c, "reloaded")
    expect_in("pipe.json:1: channels.visits: field 'visits' is float, but pinned as int in "
              "'gas_pipe' since ", log, "log")
    line = c.gateway.ctl("explain", "lifeline/v1/up/d1", '{"r":{"visits":3}}')["lines"]
    expect_in(" visits=3i ", line, "the line")


def once_the_field_was_released_it_is(c):
    expect(c.gateway.ctl("field", "release", "gas_pipe", "visits"), {"released": 1}, "released")
    reload_until(c, "reloaded")
    expect(type_of_visits(c), "float", "type")
    line = c.gateway.ctl("explain", "lifeline/v1/up/d1", '{"r":{"visits":3}}')["lines"]
    expect_in(" visits=3 ", line, "the line")
    audit = c.gateway.ctl("audit", "--limit", 1)["items"][0]
    expect((audit["what"], audit["object"]), ("field_release", "gas_pipe"), "audit")


def the_log_level_is_taken(c):
    c.gateway.config["gateway"]["log_level"] = "error"
    c.gateway.write_config()
    c.gateway.process.popen.send_signal(signal.SIGHUP)
    c.send("not JSON")
    c.settle()
    c.gateway.config["gateway"]["log_level"] = "info"
    c.gateway.write_config()
    reload_until(c, "reloaded")


def what_cannot_be_reloaded_is_named(c):
    c.gateway.config["spool"] = {"max_mib": 64}
    c.gateway.write_config()
    log = reload_until(c, "reloaded")
    lines = [line for line in log.splitlines() if "spool.max_mib" in line]
    expect(len(lines), 1, "lines that name spool.max_mib in %s" % log)
    del c.gateway.config["spool"]
    c.gateway.write_config()


def a_bad_file_is_refused_and_changes_nothing(c):
    good = c.gateway.config_file.read_text()
    c.gateway.config_file.write_text(good.replace('"mqtt"', '"mqqt"'))
    reload_until(c, "mqqt")
    c.gateway.config_file.write_text(good)
    expect(c.gateway.connected(), True, "connected")
    c.read(pressure=0.4)
    c.settle()


def a_bad_profile_is_named_and_the_others_stay(c):
    (c.profiles / "bad.json").write_text('{"profile": "it_bad", "kind": "gas_pype"}')
    reload_until(c, "bad.json")
    expect("it_new" in profile_names(c), True, "it_new")
    c.read(pressure=2.0)
    c.settle()


def the_books_balance(c):
    expect_balance(c.gateway.ledger())


if __name__ == "__main__":
    run([a_new_profile_is_taken, a_changed_profile_is_in_use_at_once,
         a_type_that_a_database_may_have_already_is_not_changed, once_the_field_was_released_it_is,
         the_log_level_is_taken,
         what_cannot_be_reloaded_is_named, a_bad_file_is_refused_and_changes_nothing,
         a_bad_profile_is_named_and_the_others_stay, the_books_balance], fixture)
