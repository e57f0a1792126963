#!/usr/bin/env python3
"""The books by source: by each topic filter of the settings, and by what is none of them. Their sum
is the books in all, whatever becomes of the settings."""

import urllib.request

from city import City, expect_balance
from harness import expect, expect_in, run
from lifeline_services import free_port

TOWN = "lifeline/v1/up/+"
PLANT = "plant/v1/up/+"


def topics(*filters):
    return [{"filter": f, "format": "native"} for f in filters]


def fixture(folder):
    port = free_port()
    c = City(folder, http={"listen": "127.0.0.1:%d" % port}, mqtt={"topics": topics(TOWN, PLANT)})
    c.metrics = "http://127.0.0.1:%d/metrics" % port
    try:
        yield c
        c.gateway.stop()
    finally:
        c.services.end_all()


def use_topics(c, *filters):
    c.gateway.config["mqtt"]["topics"] = topics(*filters)
    c.gateway.write_config()
    c.gateway.stop()
    c.gateway.start().wait_connected()


def send_to_plant(c, payload, device="d1"):
    c.broker.publish("plant/v1/up/" + device, payload)
    c.sent += 1


def sources(ledger):
    return {row["source"]: row for row in ledger["sources"]}


def messages_are_counted_by_the_filter_they_came_by(c):
    c.read(pressure=0.4)
    c.read(pressure=9)
    c.send("not JSON")
    send_to_plant(c, '{"seq":100,"r":{"pressure":0.5,"methane":1}}')
    send_to_plant(c, '{"seq":100,"r":{"pressure":0.5,"methane":1}}')
    send_to_plant(c, '{"r":{"pressure":0.5}}', "stranger")
    by_source = sources(c.settle())
    town, plant = by_source[TOWN], by_source[PLANT]
    expect([town["messages"][k] for k in ("received", "decoded", "duplicate")], [3, 2, 0], TOWN)
    expect(town["messages"]["rejected"]["malformed"], 1, "malformed")
    expect(town["readings"]["rejected"]["out_of_range"], 1, "out of range")
    expect([plant["messages"][k] for k in ("received", "decoded", "duplicate")], [3, 1, 1], PLANT)
    expect(plant["messages"]["rejected"]["unknown_device"], 1, "unknown device")
    expect([plant["readings"][k] for k in ("decoded", "accepted")], [2, 2], "readings of " + PLANT)


def one_source_is_shown_alone(c):
    all_of_them = sources(c.gateway.ledger())
    expect(c.gateway.ctl("ledger", "--source", PLANT), all_of_them[PLANT], "its books")
    expect_in("    unknown_device    1  the device is not",
              c.gateway.ctl("ledger", "--source", PLANT, json_output=False).stdout, "for people")
    done = c.gateway.ctl("ledger", "--source", "plant/v1/up/#", check=False, json_output=False)
    expect(done.returncode, 1, "status for a source that is not there")
    expect_in("did you mean '%s'?" % PLANT, done.stderr, "the suggestion")


def sources_are_a_label_of_metrics(c):
    with urllib.request.urlopen(c.metrics, timeout=30) as answer:
        text = answer.read().decode()
    expect_in('\nlifeline_source_messages_total{source="%s",state="duplicate",reason=""} 1\n' % PLANT,
              text, "metrics")


def a_filter_that_leaves_the_settings_keeps_its_books(c):
    before = sources(c.gateway.ledger())
    use_topics(c, TOWN)
    after = sources(c.gateway.ledger())
    expect(after[PLANT]["messages"], before[PLANT]["messages"], "messages of " + PLANT)
    expect((after[PLANT]["format"], after[TOWN]["format"]), ("", "native"), "formats")
    c.read(pressure=0.3)
    expect(sources(c.settle())[TOWN]["messages"]["received"],
           before[TOWN]["messages"]["received"] + 1, "received by " + TOWN)


def a_filter_that_returns_goes_on_with_them(c):
    use_topics(c, PLANT, TOWN)
    send_to_plant(c, '{"seq":101,"r":{"pressure":0.6}}')
    expect(sources(c.settle())[PLANT]["messages"]["received"], 4, "received by " + PLANT)


def the_books_balance(c):
    expect_balance(c.gateway.ledger())


if __name__ == "__main__":
    run([messages_are_counted_by_the_filter_they_came_by, one_source_is_shown_alone,
         sources_are_a_label_of_metrics, a_filter_that_leaves_the_settings_keeps_its_books,
         a_filter_that_returns_goes_on_with_them, the_books_balance], fixture)
