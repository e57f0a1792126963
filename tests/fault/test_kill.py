#!/usr/bin/env python3
"""The gateway is killed at random moments under load: afterwards the database holds exactly what
the sender's books say, and the alarms are those of a gateway that was left alone."""

import random
import time

import faults  # first: it finds the others
from city import city, wait_for
from harness import expect, run
from lifeline_books import Books, Places, compare, stored_in_influx

SEED = 20
KILLS = faults.short_or_soak(8, 200)
DEVICES = 200
RATE = 2000
LOAD = faults.short_or_soak(8, 50) * RATE  # started again until the last kill


def kill(c, random_numbers):
    """One kill at a moment of the second that follows; one in three hits a start as well. How many
    there were."""
    time.sleep(random_numbers.uniform(0, 1))
    c.gateway.process.kill()
    c.gateway.start(wait=False)
    again = random_numbers.random() < 1 / 3
    if again:
        time.sleep(random_numbers.uniform(0, 0.1))
        c.gateway.process.kill()
        c.gateway.start(wait=False)
    wait_for("the gateway's API", lambda: c.gateway.process.check_runs() and c.gateway.answers())
    return 2 if again else 1


def finish(c, load):
    if load is not None:
        expect(c.finish(load)["messages"], LOAD, "messages that were acknowledged")
        c.sent += LOAD


def the_ledger_balances_after_each_kill(c):
    random_numbers = random.Random(SEED)
    c.load = faults.Load(c, DEVICES)
    c.witness = faults.Witness(c, DEVICES)
    load = None
    kills = 0
    for _ in range(KILLS):
        if load is None or not load.running():
            finish(c, load)
            load = c.load.start(LOAD, RATE)
        kills += kill(c, random_numbers)
        faults.expect_balanced(c.gateway)
    finish(c, load)
    print("%d kills under %d messages" % (kills, c.sent))


def every_message_was_taken_once(c):
    c.settled = faults.wait_quiet(c.gateway, c.sent, 120)
    faults.expect_balanced(c.gateway)
    messages = c.settled["messages"]
    expect(messages["decoded"], c.sent, "decoded of %s" % messages)
    expect(messages["received"], c.sent + messages["duplicate"], "received of %s" % messages)
    print("%d messages came again from the broker" % messages["duplicate"])


def every_reading_is_in_the_database_once(c):
    influx = c.need_influx()
    books = Books(*c.load.books)
    result = compare(books, Places(c.gateway), stored_in_influx(influx))
    expect(result.good(), True, str(result))
    expect(result.expected, c.sent * faults.READINGS, "readings in the sender's books")
    expect(c.settled["readings"]["forwarded"], result.expected, "forwarded")


def the_alarms_are_those_of_an_undisturbed_run(c):
    faults.wait_quiet(c.witness.gateway, c.sent, 120)
    theirs = faults.transitions(c.witness.gateway)
    ours = faults.transitions(c.gateway)
    expect(len(theirs) > DEVICES / 2, True, "enough alarms to tell: %d" % len(theirs))
    expect(ours.keys(), theirs.keys(), "what raised alarms")
    for alarm, steps in theirs.items():
        expect(ours[alarm], steps, "transitions of %s" % (alarm,))
    expect(faults.last_of_alarms(c.gateway), faults.last_of_alarms(c.witness.gateway), "alarms")
    c.transitions = sum(len(steps) for steps in theirs.values())
    c.witness.end()
    print("%d transitions of alarms" % c.transitions)


def every_transition_is_in_the_database_once(c):
    influx = c.need_influx()
    wait_for("the alarms lane", lambda: faults.destination(c.gateway)["alarms_in_flight"] == 0, 60)
    expect(faults.destination(c.gateway)["alarms_delivered"], c.transitions, "delivered")
    rows = influx.query("SELECT asset, channel, state FROM lifeline_alarm")
    expect(len(rows), c.transitions, "points of lifeline_alarm")


if __name__ == "__main__":
    run([the_ledger_balances_after_each_kill, every_message_was_taken_once,
         every_reading_is_in_the_database_once, the_alarms_are_those_of_an_undisturbed_run,
         every_transition_is_in_the_database_once],
        # Small segments, so that new ones are begun and old ones deleted all the time.
        city(devices=0, intake={"checkpoint_interval_s": 1, "segment_mib": 1},
             spool={"max_mib": 64}))
