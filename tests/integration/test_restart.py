#!/usr/bin/env python3
"""The gateway is killed in mid-stream, more than once: afterwards the database holds exactly what
the sender's books say, and the ledger balances."""

from city import city, expect_balance, wait_for
from harness import ROOT, expect, run
from lifeline_books import Books, Places, compare, stored_in_influx

MESSAGES = 12000
DEVICES = 200
RATE = 1500
KILLS = 3
LOAD = ["load", "--devices", DEVICES, "--profile", ROOT / "config/profiles/water_main.json"]


def it_is_killed_and_started_again(c):
    out = c.folder / "registry"
    c.simulate(*LOAD, "--messages", 1, "--registry-out", out)
    c.settle()
    c.import_registry(out)
    c.books_file = c.folder / "books.csv"
    load = c.simulator(*LOAD, "--messages", MESSAGES, "--rate", RATE, "--books", c.books_file,
                       "--first-seq", 10)
    for n in range(1, KILLS + 1):
        due = MESSAGES * n // (KILLS + 2)
        wait_for("message %d" % due,
                 lambda: c.gateway.ledger()["messages"]["received"] > due, 60, 0.01)
        c.gateway.process.kill()
        c.gateway.start()
    c.sent += c.finish(load)["messages"]


def every_message_was_taken_once(c):
    messages = c.settle(120)["messages"]
    expect(messages["decoded"], MESSAGES, "decoded of %s" % messages)
    expect(messages["received"],
           MESSAGES + messages["duplicate"] + messages["rejected"]["unknown_device"], "received")


def every_reading_is_in_the_database_once(c):
    influx = c.need_influx()
    books = Books(c.books_file)
    expect(len(books.messages), MESSAGES, "messages in the sender's books")
    result = compare(books, Places(c.gateway), stored_in_influx(influx))
    expect(result.good(), True, str(result))
    readings = c.gateway.ledger()["readings"]
    expect(readings["forwarded"], len(books.readings), "forwarded of %s" % readings)


def the_books_balance(c):
    expect_balance(c.gateway.ledger())


def they_still_balance_after_one_more_start(c):
    before = c.gateway.ledger()
    c.gateway.stop()
    expect((c.gateway.folder / "state/checkpoint").exists(), True, "a checkpoint is there")
    c.gateway.start().wait_connected()
    expect("no_checkpoint" in c.gateway.process.log_text().rpartition("starting")[2], False,
           "the checkpoint was not found")
    after = c.settle()
    expect_balance(after)
    for scope in ("messages", "readings"):
        expect(after[scope], before[scope], scope)


if __name__ == "__main__":
    run([it_is_killed_and_started_again, every_message_was_taken_once,
         every_reading_is_in_the_database_once, the_books_balance,
         they_still_balance_after_one_more_start],
        city(intake={"checkpoint_interval_s": 1}))
