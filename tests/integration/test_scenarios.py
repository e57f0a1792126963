#!/usr/bin/env python3
"""The shipped scenarios satisfy the schema and the loader, and both refuse what is wrong."""

import copy
import json
import re
import subprocess

from harness import BUILD, ROOT, expect, expect_in, run

SCHEMA = json.loads((ROOT / "config/schema/scenario.schema.json").read_text(encoding="utf-8"))
SHIPPED = {"ageing-year", "demo", "ganxian", "leak-week", "liaocheng", "licheng", "link-chaos",
           "nanping", "quiet-month", "storm", "wenzhou"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int,
         "number": (int, float)}
# A line comment; no text of a scenario has two slashes in it.
COMMENT = re.compile(r"//[^\n]*")


def has_type(value, name):
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def faults_of(value, rule, path="$"):
    """What of JSON Schema the schema uses: the places at which `value` goes against `rule`."""
    if "$ref" in rule:
        rule = SCHEMA["$defs"][rule["$ref"].rsplit("/", 1)[1]]
    if "enum" in rule:
        return [] if value in rule["enum"] else [path + ": none of the values"]
    if not has_type(value, rule["type"]):
        return ["%s: not of type %s" % (path, rule["type"])]
    checks = {
        "pattern": lambda limit: re.search(limit, value),
        "minimum": lambda limit: value >= limit,
        "maximum": lambda limit: value <= limit,
        "minItems": lambda limit: len(value) >= limit,
        "maxItems": lambda limit: len(value) <= limit,
        "minProperties": lambda limit: len(value) >= limit,
        "required": lambda keys: all(key in value for key in keys),
        "dependentRequired": lambda rows: all(
            key not in value or all(needed in value for needed in keys)
            for key, keys in rows.items()),
    }
    faults = ["%s: %s" % (path, name) for name, check in checks.items()
              if name in rule and not check(rule[name])]
    if isinstance(value, list):
        for index, item in enumerate(value):
            faults += faults_of(item, rule["items"], "%s[%d]" % (path, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            sub = rule.get("properties", {}).get(key, rule["additionalProperties"])
            faults += (faults_of(item, sub, path + "." + key) if sub is not False
                       else ["%s.%s: unknown" % (path, key)])
    return faults


def read(name):
    text = (ROOT / "config/scenarios" / (name + ".json")).read_text(encoding="utf-8")
    return json.loads(COMMENT.sub("", text))


def load(folder, scenario):
    """By lifelinesim; its status and what it says."""
    file = folder / "scenario.json"
    file.write_text(json.dumps(scenario, indent=1), encoding="utf-8")
    done = subprocess.run([BUILD / "lifelinesim", "registry", file, "--out", folder / "registry"],
                          capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


def the_shipped_scenarios_satisfy_schema_and_loader(folder):
    names = {file.stem for file in (ROOT / "config/scenarios").glob("*.json")}
    expect(names, SHIPPED, "the scenarios")
    for name in sorted(names):
        scenario = read(name)
        expect(faults_of(scenario, SCHEMA), [], name)
        expect(scenario["scenario"], name, "the name")
        expect(load(folder, scenario), (0, ""), name)


def change(*path_and_value):
    """A scenario with one value changed."""
    *path, last, value = path_and_value
    scenario = copy.deepcopy(read("ganxian"))
    place = scenario
    for step in path:
        place = place[step]
    place[last] = value
    return scenario


WRONG = [
    (change("asset", []), "asset: unknown key; did you mean 'assets'?"),
    (change("assets", 0, "kinds", "sewer"), "assets[0].kinds: unknown key"),
    (change("assets", 0, "count", 0), "assets[0].count: expected a whole number from 1"),
    (change("assets", 0, "period_s", 0), "assets[0].period_s: expected seconds between samples"),
    (change("assets", 0, "batch", 1001), "assets[0].batch: expected a whole number of samples"),
    (change("assets", 0, "dead_band", 3), "assets[0].dead_band: expected a heartbeat_s beside it"),
    (change("assets", 0, "payload", "morse"), "assets[0].payload: unknown payload format 'morse'"),
    (change("assets", 0, "installed", [1890, 2000]), "assets[0].installed: expected the first"),
    (change("assets", 0, "installed", [1990]), "assets[0].installed: expected the first"),
    (change("assets", 1, "materials", "PE", 2), "assets[1].materials.PE: expected a share from 0"),
    (change("random_faults", 0, "rate", 2), "random_faults[0].rate: unknown key"),
    (change("random_faults", 0, "by_age", 1), "random_faults[0].by_age: expected true or false"),
    (change("random_faults", 0, "for_s", 60), "random_faults[0].for_s: expected the shortest"),
    (change("weather", "wet_days", 2), "weather.wet_days: expected a share from 0 to 1"),
    (change("centre", {"latitude": 25}), "centre: the key 'longitude' is missing"),
]


def what_is_wrong_is_refused_by_both(folder):
    for scenario, words in WRONG:
        if not faults_of(scenario, SCHEMA):
            raise AssertionError("the schema takes it: %s" % words)
        status, said = load(folder, scenario)
        expect(status, 1, "status of: %s" % words)
        expect_in("scenario.json:", said, "file and line")
        expect_in(words, said, "what is said")


def fixture(folder):
    yield folder


if __name__ == "__main__":
    run([the_shipped_scenarios_satisfy_schema_and_loader, what_is_wrong_is_refused_by_both],
        fixture)
