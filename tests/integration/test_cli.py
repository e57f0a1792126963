#!/usr/bin/env python3
"""The command lines: usage, what is wrong and what would be right, and what they print."""

import json
import subprocess
import urllib.request

from city import City, now_ms
from harness import BUILD, ROOT, expect, expect_in, run
from lifeline_services import free_port, wait_for


def fixture(folder):
    port = free_port()
    c = City(folder, influx=False, http={"listen": "127.0.0.1:%d" % port})
    c.metrics = "http://127.0.0.1:%d/metrics" % port
    try:
        yield c
        c.gateway.stop()
    finally:
        c.services.end_all()


def command(program, *words, env=None):
    return subprocess.run([str(BUILD / program), *map(str, words)], capture_output=True, text=True,
                          timeout=60, env=env)


def check_config(c, text):
    file = c.folder / "checked.json"
    file.write_text(text)
    return command("lifelined", "--check-config", file)


# --- lifelined -----------------------------------------------------------------------------------

def wrong_usage_is_answered_with_the_usage(_c):
    for program, words in (("lifelined", []), ("lifelined", ["--nonsense"]), ("lifelinectl", []),
                           ("lifelinesim", [])):
        done = command(program, *words)
        expect((done.returncode, done.stdout), (2, ""), "%s %s" % (program, words))
        expect(bool(done.stderr), True, "%s: words on standard error" % program)


def the_example_configuration_is_good(_c):
    done = command("lifelined", "--check-config", ROOT / "config/lifelined.json")
    expect((done.returncode, done.stderr), (0, ""), "config/lifelined.json")


def the_reference_is_that_of_the_program(_c):
    done = command("lifelined", "--print-reference")
    expect(done.stdout == (ROOT / "config/README.md").read_text(), True,
           "config/README.md is what --print-reference says")


def a_bad_topic_filter_is_refused_with_its_line(c):
    done = check_config(c, '{\n"mqtt": {\n  "topics": [\n    {"filter": "foo/#/baz"}]}\n}\n')
    expect(done.returncode, 1, "status")
    expect_in("checked.json:4: key 'mqtt.topics[0].filter'", done.stderr, "file, line and key")
    expect_in("'#' may only be the last level", done.stderr, "what would be right")


def an_unknown_key_is_refused_with_a_suggestion(c):
    done = check_config(c, '{"mqtt": {"keepalive": 30}}\n')
    expect(done.returncode, 1, "status")
    expect_in("keepalive_s", done.stderr, "the suggestion")


def a_value_out_of_range_is_refused_with_the_range(c):
    done = check_config(c, '{\n  // comments may stand\n  "mqtt": {"keepalive_s": 1}}\n')
    expect(done.returncode, 1, "status")
    for part in ("checked.json:3", "mqtt.keepalive_s", "5", "3600"):
        expect_in(part, done.stderr, "words")


def several_faults_are_all_named(c):
    done = check_config(c, '{"mqtt": {"keepalive_s": "x"}, "spool": {"max_mib": -1}, "htpp": {}}\n')
    for part in ("keepalive_s", "max_mib", "htpp"):
        expect_in(part, done.stderr, "words")


def a_file_that_is_not_there_is_named(_c):
    done = command("lifelined", "--check-config", "/nonexistent.json")
    expect(done.returncode, 1, "status")
    expect_in("/nonexistent.json", done.stderr, "words")


def the_profiles_are_checked_too(c):
    profiles = c.folder / "bad_profiles"
    profiles.mkdir()
    (profiles / "x.json").write_text('{"profile": "x",\n "kind": "sewr", "channels": {}}\n')
    done = check_config(c, json.dumps({"registry": {"profiles_dir": str(profiles)}}))
    expect(done.returncode, 1, "status")
    expect_in("x.json:2: kind: unknown asset kind 'sewr'", done.stderr, "words")
    done = check_config(c, json.dumps({"registry": {"profiles_dir": str(profiles / "none")}}))
    expect(done.returncode, 1, "status")
    expect_in("registry.profiles_dir", done.stderr, "words")


def an_argument_too_many_is_refused(_c):
    done = command("lifelined", "-c", ROOT / "config/lifelined.json", "more")
    expect(done.returncode, 2, "status")
    expect_in("'more'", done.stderr, "words")


def a_second_gateway_on_the_same_folder_is_refused(c):
    done = command("lifelined", "-c", c.gateway.config_file)
    expect(done.returncode, 1, "status")
    c.gateway.process.check_runs()
    expect(c.gateway.connected(), True, "the first one is connected")


# --- lifelinectl ---------------------------------------------------------------------------------

def an_unknown_verb_is_refused_with_a_suggestion(_c):
    done = command("lifelinectl", "statsu")
    expect(done.returncode, 2, "status")
    expect_in("status", done.stderr, "the suggestion")


def without_a_gateway_it_says_so(c):
    done = command("lifelinectl", "--socket", c.folder / "nobody.sock", "status")
    expect(done.returncode, 3, "status")
    expect_in("nobody.sock", done.stderr, "words")


def explain_prints_the_exact_line(c):
    ts = now_ms()
    payload = json.dumps({"ts": ts, "r": {"pressure": {"v": 352, "u": "kPa"}, "trips": 12}})
    answer = c.gateway.ctl("explain", "lifeline/v1/up/d1", payload)
    expect(answer["lines"], "gas_pipe,asset=a1,device=d1,district=north "
           "pressure_mpa=0.352,trips=12i %d\n" % ts, "lines")
    text = c.gateway.ctl("explain", "lifeline/v1/up/d1", payload, json_output=False).stdout
    expect_in("pressure_mpa=0.352", text, "words for people")


def explain_prints_the_exact_reason(c):
    for topic, payload, reason in (
            ("lifeline/v1/up/d1", "{", "malformed"),
            ("lifeline/v1/up/nobody", '{"r":{"pressure":0.2}}', "unknown_device"),
            ("lifeline/v1/up/d1", '{"r":{"pressure":99}}', "out_of_range"),
            ("some/other/topic", "{}", "unknown_topic")):
        done = c.gateway.ctl("explain", topic, payload, check=False)
        expect(done.returncode, 1, "status for a message that is refused")
        expect_in('"reason":"%s"' % reason, done.stdout, "%s %s" % (topic, payload))


def explain_says_what_is_wrong_with_a_value(c):
    for value, words in (
            ('"pressure":99', "pressure: out_of_range: 99 MPa is outside the plausible 0 to "),
            ('"pressure":{"v":99000,"u":"kPa"}', "out_of_range: 99000 kPa is outside "),
            ('"pressure":{"v":1,"u":"Cel"}', "wrong_unit: 'Cel' is unknown or does not convert"),
            ('"trips":1.5', "trips: wrong_type: 1.5 does not fit the channel's type, int"),
            ('"presure":1', "has no such channel; did you mean 'pressure'?"),
            ('"pressure":"x"', "pressure: not_a_number: ")):
        done = c.gateway.ctl("explain", "lifeline/v1/up/d1", '{"r":{%s}}' % value, check=False,
                             json_output=False)
        expect_in(words, done.stderr, value)
    for ts, words in ((now_ms() - 10**10, "is before its receipt by more than late_limit_s"),
                      (now_ms() + 10**10, "is ahead of its receipt by more than max_ahead_s, 300 s")):
        done = c.gateway.ctl("explain", "lifeline/v1/up/d1",
                             '{"ts":%d,"r":{"pressure":0.2}}' % ts, check=False, json_output=False)
        expect_in(words, done.stderr, ts)


def explain_changes_nothing(c):
    ledger = c.gateway.ledger()
    c.gateway.ctl("explain", "lifeline/v1/up/d1", '{"r":{"pressure":0.2}}')
    expect(c.gateway.ledger(), ledger, "ledger")


def the_ledger_and_the_status_are_for_people_too(c):
    c.read(pressure=0.25)
    c.settle()
    expect_in("received", c.gateway.ctl("ledger", json_output=False).stdout, "ledger")
    expect_in("127.0.0.1:%d" % c.broker.port, c.gateway.ctl("status", json_output=False).stdout, "status")


def tail_prints_readings_as_they_come(c):
    tail = c.services.start("tail", [BUILD / "lifelinectl", "--socket", c.gateway.socket, "--json",
                                     "tail", "--device", "d1"])

    def probe():
        tail.check_runs()
        c.read(pressure=0.75)
        return '"value":0.75' in tail.log_text()
    wait_for("the reading in what it prints", probe, 30, 0.2)
    tail.end()


def an_import_with_one_bad_row_changes_nothing(c):
    file = c.folder / "bad.csv"
    file.write_text("id,kind\na8,gas_pipe\na9,gas_pype\n")
    done = c.gateway.ctl("asset", "import", file, check=False, json_output=False)
    expect(done.returncode, 1, "status")
    expect_in("bad.csv:3", done.stderr + done.stdout, "file and line")
    expect_in("gas_pipe", done.stderr + done.stdout, "the suggestion")
    done = c.gateway.ctl("asset", "show", "a8", check=False)
    expect(done.returncode, 1, "status of `asset show a8`")


def what_is_registered_is_shown(c):
    expect([row["id"] for row in c.gateway.ctl("device", "list")["items"]], ["d1"], "devices")
    channels = c.gateway.ctl("device", "show", "d1")["channels"]
    expect({ch["channel"]: ch["field"] for ch in channels if ch["channel"] in ("pressure", "door")},
           {"pressure": "pressure_mpa", "door": "door"}, "fields")
    names = [row["profile"] for row in c.gateway.ctl("profile", "list")["items"]]
    expect_in("it_pipe", names, "profiles")


def metrics_tell_the_same_as_the_ledger(c):
    ledger = c.settle()
    with urllib.request.urlopen(c.metrics, timeout=30) as answer:
        text = answer.read().decode()
    samples = dict(line.rsplit(" ", 1) for line in text.splitlines()
                   if line and not line.startswith("#"))
    received = [value for name, value in samples.items()
                if name.startswith("lifeline_") and "received" in name]
    expect(received, [str(ledger["messages"]["received"])], "messages received")
    expect(samples["lifeline_mqtt_connected"], "1", "lifeline_mqtt_connected")


if __name__ == "__main__":
    run([wrong_usage_is_answered_with_the_usage, the_example_configuration_is_good,
         the_reference_is_that_of_the_program, a_bad_topic_filter_is_refused_with_its_line,
         an_unknown_key_is_refused_with_a_suggestion,
         a_value_out_of_range_is_refused_with_the_range, several_faults_are_all_named,
         a_file_that_is_not_there_is_named, the_profiles_are_checked_too,
         an_argument_too_many_is_refused, a_second_gateway_on_the_same_folder_is_refused,
         an_unknown_verb_is_refused_with_a_suggestion, without_a_gateway_it_says_so,
         explain_prints_the_exact_line, explain_prints_the_exact_reason,
         explain_says_what_is_wrong_with_a_value, explain_changes_nothing,
         the_ledger_and_the_status_are_for_people_too, tail_prints_readings_as_they_come,
         an_import_with_one_bad_row_changes_nothing, what_is_registered_is_shown,
         metrics_tell_the_same_as_the_ledger], fixture)
