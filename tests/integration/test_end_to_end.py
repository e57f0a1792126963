#!/usr/bin/env python3
"""Recorded data of a real-sized water network, from the simulator over MQTT into two databases:
every value is found back by query, in InfluxDB equal to the last bit.

The year of hourly SCADA is not part of the project; where it does not stand beside it, a small
made-up slice of the same 43 signals takes its place.
"""

import csv
import datetime
import math

from city import City, expect_balance
from harness import ROOT, expect, run
from lifeline_books import Books, Places, compare, stored_in_influx

RECORDED = ROOT.parent / "shared/data/batadal/BATADAL_dataset03.csv"
MADE_UP = ROOT / "tests/integration/data/network_made_up.csv"
MAP = ROOT / "config/maps/ctown.json"
ROWS = 200
# The last rows are few enough to be known as a whole when they are sent again.
LAST_ROWS = 20


def cells(row):
    """The row's numbers as text; an empty cell is no reading, the last one is a label."""
    return [cell for cell in row[1:-1] if cell.strip()]


def write_slice(source, out):
    """The header and the first rows of the record. How many rows and numbers."""
    count = readings = 0
    with open(source, newline="", encoding="utf-8") as old, \
            open(out, "w", newline="", encoding="utf-8") as new:
        rows, writer = csv.reader(old), csv.writer(new, lineterminator="\n")
        writer.writerow(next(rows))
        for row in rows:
            if count == ROWS:
                break
            writer.writerow(row)
            count += 1
            readings += len(cells(row))
    return count, readings


def fixture(folder):
    c = City(folder, start=False, victoria=True)
    c.csv = folder / "slice.csv"
    rows, c.readings = write_slice(RECORDED if RECORDED.exists() else MADE_UP, c.csv)
    last = rows - LAST_ROWS
    c.parts = [("--rows", "1:%d" % last, "--first-seq", 1000),
               ("--rows", "%d:" % (last + 1), "--first-seq", 5000)]
    c.books_files = [folder / "books-1.csv", folder / "books-2.csv"]
    try:
        c.start(devices=1)
        yield c
        c.gateway.stop()
    finally:
        c.services.end_all()


def replay(c, *words):
    return c.simulate("replay", "--csv", c.csv, "--map", MAP, *words)


def the_simulator_writes_the_registry_that_is_imported(c):
    out = c.folder / "registry"
    summary = replay(c, "--rows", "1:1", "--registry-out", out)
    rejected = c.settle()["messages"]["rejected"]
    expect(rejected["unknown_device"], summary["messages"], "messages of unknown devices")
    c.import_registry(out)
    c.before = c.gateway.ledger()


def the_record_is_replayed(c):
    summaries = [replay(c, "--books", file, *part) for file, part in zip(c.books_files, c.parts)]
    expect(sum(summary["readings"] for summary in summaries), c.readings, "readings acknowledged")
    c.after = c.settle()
    c.note_files()


def no_message_or_reading_is_refused(c):
    for scope in ("messages", "readings"):
        expect(c.after[scope]["rejected"], c.before[scope]["rejected"], "rejected " + scope)
    expect(c.after["readings"]["late"], 0, "late")


def every_value_is_in_influxdb_to_the_last_bit(c):
    influx = c.need_influx()
    result = compare(Books(*c.books_files), Places(c.gateway), stored_in_influx(influx))
    expect(result.good(), True, str(result))
    expect(result.found, c.readings, "readings found")


def the_books_hold_what_the_file_says(c):
    """The other end: the database against the file itself, not against the simulator's word."""
    influx = c.need_influx()
    stored = stored_in_influx(influx)
    values = {}
    for (_, _, _, _, ts), value in stored.items():
        values.setdefault(ts, []).append(float(value))
    with open(c.csv, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    for row in rows[1:]:
        time = datetime.datetime.strptime(row[0].strip(), "%d/%m/%y %H")
        ts = int(time.replace(tzinfo=datetime.timezone.utc).timestamp() * 1000)
        written = [float(cell) for cell in cells(row)]
        expect(sorted(values.get(ts, [])), sorted(written), "values at %s" % row[0])


def every_value_is_in_victoriametrics(c):
    victoria = c.need_victoria()
    stored = {}
    for labels, values, times in victoria.export('{asset="ctown"}'):
        for value, ts in zip(values, times):
            stored[(labels["__name__"], labels["device"], ts)] = value
    places = Places(c.gateway)
    books = Books(*c.books_files)
    expect(len(stored), len(books.readings), "samples")
    for device, channel, ts, value in books.readings:
        measurement, _, field = places.of(device, channel)
        got = stored.get(("%s_%s" % (measurement, field), device, ts))
        # VictoriaMetrics keeps decimal numbers of about 15 digits.
        if got is None or not math.isclose(got, value, rel_tol=1e-12, abs_tol=1e-12):
            raise AssertionError("%s %s at %d: sent %r, stored %r" % (
                device, channel, ts, value, got))


def what_is_sent_again_adds_nothing(c):
    influx = c.need_influx()
    before = influx.field_values()
    summary = replay(c, *c.parts[1])
    ledger = c.settle()
    expect(ledger["messages"]["duplicate"] - c.after["messages"]["duplicate"],
           summary["messages"], "messages known as duplicates")
    expect(influx.field_values(), before, "field values in the database")


def no_file_stays_open(c):
    c.expect_same_files()


def the_books_balance(c):
    expect_balance(c.gateway.ledger())


if __name__ == "__main__":
    run([the_simulator_writes_the_registry_that_is_imported, the_record_is_replayed,
         no_message_or_reading_is_refused, every_value_is_in_influxdb_to_the_last_bit,
         the_books_hold_what_the_file_says, every_value_is_in_victoriametrics,
         what_is_sent_again_adds_nothing, no_file_stays_open, the_books_balance], fixture)
