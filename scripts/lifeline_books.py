"""The simulator's books against a database: is every reading that was sent found by query?

Books are the CSV of `lifelinesim --books`: device,seq,channel,ts_ms,value, one line for each
reading of a message that the broker acknowledged.
"""

import csv
import math


class Books:
    def __init__(self, *paths):
        self.readings = []  # (device, channel, ts_ms, value as a number)
        self.messages = set()  # (device, seq)
        for path in paths:
            with open(path, newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    self.messages.add((row["device"], int(row["seq"])))
                    self.readings.append((row["device"], row["channel"], int(row["ts_ms"]),
                                          number(row["value"])))


def number(text):
    """A value as a number; states are 1 and 0."""
    return {"true": 1.0, "false": 0.0}.get(text) if text in ("true", "false") else float(text)


def same_bits(a, b):
    return a == b and math.copysign(1, a) == math.copysign(1, b)


class Places:
    """Where the gateway puts each device's channels: measurement, asset and field."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.devices = {}
        self.profiles = {}
        self.kinds = {}

    def kind(self, asset):
        if asset not in self.kinds:
            self.kinds[asset] = self.gateway.get("/api/v1/assets/" + asset)["kind"]
        return self.kinds[asset]

    def of(self, device, channel):
        """None: its profile has no such channel."""
        if device not in self.devices:
            shown = self.gateway.get("/api/v1/devices/" + device)
            self.devices[device] = {
                c["channel"]: (self.kind(c["asset"]), c["asset"], c["field"])
                for c in shown["channels"]
            }
        return self.devices[device].get(channel)


class Comparison:
    """What was expected and what was found; `wrong` holds the first few differences."""

    KEPT = 10

    def __init__(self):
        self.expected = self.found = self.differ = self.surplus = 0
        self.wrong = []

    def note(self, *words):
        if len(self.wrong) < self.KEPT:
            self.wrong.append(" ".join(str(word) for word in words))

    def good(self):
        return self.expected > 0 and self.found == self.expected and not self.differ \
            and not self.surplus

    def __str__(self):
        text = "%d of %d readings found, %d differ, %d not in the books" % (
            self.found, self.expected, self.differ, self.surplus)
        return "; ".join([text] + self.wrong)


def compare(books, places, stored, tell_surplus=True):
    """`stored`: {(measurement, asset, device, field, ts_ms): value}."""
    result = Comparison()
    seen = set()
    for device, channel, ts_ms, value in books.readings:
        result.expected += 1
        place = places.of(device, channel)
        if place is None:
            result.note("no such channel:", device, channel)
            continue
        measurement, asset, field = place
        key = (measurement, asset, device, field, ts_ms)
        if key in seen:
            result.note("a second reading of the same time:", *key)
        seen.add(key)
        if key not in stored:
            result.note("not found:", *key, "=", value)
        elif not same_bits(float(stored[key]), value):
            result.differ += 1
            result.note("differs:", *key, "sent", value, "stored", stored[key])
        else:
            result.found += 1
    if tell_surplus:
        for key in stored.keys() - seen:
            result.surplus += 1
            result.note("not in the books:", *key)
    return result


def stored_in_influx(influx):
    stored = {}
    for measurement in influx.measurements():
        if measurement.startswith("lifeline_"):
            continue
        for row in influx.query('SELECT * FROM "%s"' % measurement):
            tags = [row[tag] for tag in ("asset", "device")]
            for field, value in row.items():
                if value is not None and field not in ("_measurement", "time", "asset", "device",
                                                       "district"):
                    stored[(measurement, tags[0], tags[1], field, row["time"])] = value
    return stored
