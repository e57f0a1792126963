#!/usr/bin/env python3
"""MQTT as brokers and networks make it: old brokers, dead brokers, sessions, wills, TLS, refusals,
oversized messages, and an intake journal that is full."""

import json
import re
import shutil
import signal
import subprocess

from certificates import Authority, need_openssl
from city import City, expect_balance, now_ms, wait_for
from harness import expect, expect_in, run
from lifeline_services import free_port, write_secret
from stub_broker import V5, V311, StubBroker

STATE = "lifeline/v1/gateway/test/state"
OLD_BROKER = {V5: b"\0\1"}  # CONNACK as MQTT 3.1.1 has it: "unacceptable protocol version"
NEW_BROKER = {V5: b"\0\x84\0"}  # as MQTT 5 has it: "unsupported protocol version"
FIRST_WAIT_MS, LONGEST_WAIT_MS = 500, 30000
KEPT_BYTES = 4096
BIG_BATCH = 4096
LONG_NAME = "long_" * 12
LONG_DISTRICT = "district_" * 14
FULL_MIB = 6
FILLING = (30, 40)  # messages for the spool and some more; messages for the journal and some more


def fixture(folder):
    # Without alarms, which come by a connection of their own: here each one counts.
    c = City(folder, start=False, intake={"checkpoint_interval_s": 1}, mqtt={"alarms_topic": ""})
    c.mqtt = dict(c.gateway.config["mqtt"])
    c.stubs = []
    try:
        c.tls_port = make_tls(c) if shutil.which("openssl") else None
        c.start(1)
        yield c
        c.gateway.stop()
    finally:
        for stub in c.stubs:
            stub.close()
        if c.influx and c.influx.process:
            freeze(c, False)
        c.services.end_all()


def make_tls(c):
    """Two authorities, and a TLS listener of the broker for 127.0.0.1 by the first."""
    c.authority = Authority(c.folder / "tls")
    c.other_authority = Authority(c.folder / "other")
    certificate, key = c.authority.issue("broker")
    port = free_port()
    with open(c.broker.folder / "mosquitto.conf", "a", encoding="utf-8") as config:
        config.write("listener %d 127.0.0.1\ncertfile %s\nkeyfile %s\n" % (port, certificate, key))
    return port


def restart(c, wait=True, **mqtt):
    """The gateway once more, with other settings of `mqtt` than the usual ones."""
    c.gateway.stop()
    c.gateway.config["mqtt"] = dict(c.mqtt, **mqtt)
    c.gateway.write_config()
    c.gateway.start()
    if wait:
        c.gateway.wait_connected()


def stub(c, **how):
    c.stubs.append(StubBroker(**how))
    return c.stubs[-1]


def status(c):
    return c.gateway.get("/api/v1/status")["mqtt"]


def log_of_this_start(c):
    return c.gateway.process.log_text().rpartition(" app starting ")[2]


def wait_status(c, what, probe, limit_s=30):
    return wait_for("%s in %s" % (what, status(c)),
                    lambda: (lambda s: s if probe(s) else None)(status(c)), limit_s)


def messages(c):
    return c.gateway.ledger()["messages"]


def state(c):
    """The retained state of the gateway at the broker."""
    done = subprocess.run(["mosquitto_sub", "-t", STATE, "-C", "1", "-W", "5"] +
                          c.broker.client_options(), capture_output=True, text=True, timeout=30)
    return done.stdout.strip()


def stored(c):
    return c.influx.field_values() if c.influx else None


# --- versions ------------------------------------------------------------------------------------


def one_message_by_311(c, broker):
    """What an older broker delivers is acknowledged once it is taken."""
    before = messages(c)["decoded"]
    broker.deliver.append(("lifeline/v1/up/d1", json.dumps({"ts": now_ms(), "r": {"trips": 1}})))
    restart(c, uris=[broker.uri])
    wait_for("PUBACK", lambda: broker.acknowledged == [1], 10)
    expect(broker.versions, [V5, V311], "versions tried")
    expect(broker.filters, ["lifeline/v1/up/+"], "filters")
    expect(status(c)["mqtt_version"], 4, "version in status")
    wait_for("the message", lambda: messages(c)["decoded"] == before + 1, 10)
    wait_for("the state", lambda: broker.published == [(STATE, "online")], 10)
    c.sent += 1


def a_broker_of_311_alone_is_spoken_to_by_311(c):
    one_message_by_311(c, stub(c, refuse=OLD_BROKER))


def a_broker_that_refuses_mqtt_5_by_mqtt_5_is_spoken_to_by_311(c):
    one_message_by_311(c, stub(c, refuse=NEW_BROKER))


def the_version_is_remembered_for_the_broker(c):
    broker = c.stubs[-1]
    before = len(broker.versions)
    broker.drop()
    wait_for("one more session", lambda: len(broker.versions) > before, 30)
    c.gateway.wait_connected()
    expect(broker.versions[before:], [V311], "versions tried")


def an_old_broker_beside_a_dead_one_is_found(c):
    old = stub(c, refuse=OLD_BROKER)
    restart(c, uris=[old.uri, "mqtt://127.0.0.1:%d" % free_port()])
    expect(status(c)["uri"], old.uri, "uri")


def with_version_311_mqtt_5_is_never_tried(c):
    broker = stub(c, refuse={V311: b"\0\1"})
    restart(c, uris=[broker.uri], version="3.1.1", wait=False)
    wait_for("three attempts", lambda: len(broker.versions) >= 3, 30)
    broker.refuse.clear()
    c.gateway.wait_connected()
    expect(set(broker.versions), {V311}, "versions tried")
    expect(status(c)["mqtt_version"], 4, "version in status")


def a_refusal_of_311_has_a_name(c):
    broker = stub(c, refuse={V5: b"\0\1", V311: b"\0\4"})
    restart(c, uris=[broker.uri], wait=False)
    wait_status(c, "the name", lambda s: "user name or password" in s["last_error"].lower())


def a_refused_subscription_is_told(c):
    for version in (V5, V311):
        refuse = {} if version == V5 else NEW_BROKER
        broker = stub(c, refuse=refuse, granted=0x87 if version == V5 else 0x80)
        restart(c, uris=[broker.uri], topics=[{"filter": "lifeline/v1/up/+"},
                                              {"filter": "other/+"}])
        told = wait_status(c, "the refusal", lambda s: s["last_error"])
        expect_in("lifeline/v1/up/+", told["last_error"], "last_error")
        expect_in("subscribe", log_of_this_start(c), "the log")


# --- several brokers -----------------------------------------------------------------------------


def a_dead_broker_is_passed_over(c):
    restart(c, uris=["mqtt://127.0.0.1:%d" % free_port(), c.broker.uri])
    expect(status(c)["uri"], c.broker.uri, "uri")
    c.read(pressure=0.1)
    c.settle()


def a_broker_that_dies_is_left_for_the_next(c):
    first, second = stub(c), stub(c)
    restart(c, uris=[first.uri, second.uri])
    expect(status(c)["uri"], first.uri, "uri before")
    first.close()
    wait_status(c, "the second broker", lambda s: s["connected"] and s["uri"] == second.uri)
    expect(len(second.versions), 1, "connections to the second")


def a_broker_that_says_goodbye_is_left_for_the_next(c):
    first, second = stub(c), stub(c)
    restart(c, uris=[first.uri, second.uri])
    first.listener.close()
    first.say_goodbye(0x8B)
    wait_status(c, "the second broker", lambda s: s["connected"] and s["uri"] == second.uri)
    expect_in("shutting down", log_of_this_start(c), "the log")


def it_stays_at_the_broker_it_found(c):
    second = c.stubs[-1]
    expect((len(second.versions), status(c)["connected"]), (1, True), "connections, connected")
    expect("connect_overdue" in log_of_this_start(c), False, "connect_overdue")


def a_broker_that_hangs_up_is_asked_more_and_more_seldom(c):
    broker = stub(c)
    restart(c, uris=[broker.uri])
    for count in range(1, 5):
        wait_for("connection %d" % count, lambda: len(broker.versions) == count and broker.filters,
                 20)
        wait_for("it to be up", lambda: status(c)["connected"], 20)
        broker.drop()
        wait_for("the loss", lambda: not status(c)["connected"], 20)
    expect_growing(waits_of(c, "disconnected")[:4])


def waits_of(c, event):
    return [int(ms) for ms in re.findall(r"ingest %s .*retry_in_ms=(\d+)" % event,
                                         log_of_this_start(c))]


def expect_growing(waits):
    """Each within its jitter: half of it to all of it, doubled each time."""
    for n, ms in enumerate(waits):
        most = min(FIRST_WAIT_MS << n, LONGEST_WAIT_MS)
        expect(most // 2 <= ms <= most, True, "wait %d of %s within %d and %d ms" % (
            n, waits, most // 2, most))


# --- refused credentials -------------------------------------------------------------------------


def wrong_credentials_are_told_and_tried_again(c):
    wrong = c.folder / "wrong.password"
    write_secret(wrong, "not-the-pass-word")
    restart(c, password_file=str(wrong), wait=False)
    wait_for("four attempts", lambda: len(waits_of(c, "connect_failed")) >= 4, 30)
    expect_growing(waits_of(c, "connect_failed")[:4])
    mqtt = status(c)
    expect(mqtt["connected"], False, "connected")
    expect_in("Not authorized", mqtt["last_error"], "last_error")
    expect(0 <= mqtt["retry_in_ms"] <= LONGEST_WAIT_MS, True, "retry_in_ms %d" %
           mqtt["retry_in_ms"])


def no_password_is_in_a_log(c):
    for log in c.folder.glob("*.log"):
        for secret in ["not-the-pass-word", *c.broker.users.values()]:
            expect(secret in log.read_text(errors="replace"), False, "a password in " + log.name)


# --- TLS -----------------------------------------------------------------------------------------


def need_tls(c):
    need_openssl()
    return "mqtts://127.0.0.1:%d" % c.tls_port


def tls_by_the_right_authority_is_taken(c):
    restart(c, uris=[need_tls(c)], ca_file=str(c.authority.ca))
    c.read(pressure=0.2)
    c.settle()


def tls_beside_a_plain_broker_is_no_hindrance(c):
    dead = "mqtts://127.0.0.1:%d" % free_port()
    need_tls(c)
    restart(c, uris=[dead, c.broker.uri], ca_file=str(c.authority.ca))
    expect(status(c)["uri"], c.broker.uri, "uri")


def refused_for(c, words, **mqtt):
    restart(c, wait=False, **mqtt)
    wait_status(c, "the reason", lambda s: words in s["last_error"] and not s["connected"])


def tls_by_another_authority_is_refused(c):
    refused_for(c, "its authority is not in mqtt.ca_file", uris=[need_tls(c)],
                ca_file=str(c.other_authority.ca))


def tls_for_another_host_is_refused(c):
    refused_for(c, "hostname mismatch", ca_file=str(c.authority.ca),
                uris=[need_tls(c).replace("127.0.0.1", "localhost")])


# --- sizes ---------------------------------------------------------------------------------------


def kept_of(c, reason, count):
    return [item for item in c.gateway.ctl("quarantine", "--limit", 100)["items"]
            if item["reason"] == reason][:count]


def an_oversized_message_is_counted_and_its_beginning_kept(c):
    restart(c, max_message_bytes=1024)
    before = c.settle()["messages"]["rejected"]["oversized"]
    small = json.dumps({"r": {"pressure": 0.5}})
    sizes = [1025, 3000, KEPT_BYTES, KEPT_BYTES + 1, 300000]
    c.send(small + " " * (1024 - len(small)))  # the largest that is taken
    for size in sizes:
        c.send(small + "%d" % size + "x" * (size - len(small) - len("%d" % size)))
    after = c.settle()["messages"]["rejected"]["oversized"]
    expect(after - before, len(sizes), "oversized")
    kept = kept_of(c, "oversized", len(sizes))
    expect(sorted(len(item["payload"]) for item in kept),
           sorted(min(size, KEPT_BYTES) for size in sizes), "bytes kept")
    for item in kept:
        expect_in(set(item["payload"][len(small) + 6:]), [{"x"}], "behind the beginning")


def the_longest_topic_with_the_largest_payload_does_not_stop_the_others(c):
    restart(c)
    topic = "lifeline/v1/up/"
    c.broker.publish(topic + "d" * (65535 - len(topic)), b" " * 262144)
    c.sent += 1
    c.read(pressure=0.6)
    c.settle()
    expect("held_back" in log_of_this_start(c), False, "held back")


# --- the session ---------------------------------------------------------------------------------


def the_gateway_says_that_it_is_online(c):
    wait_for("online", lambda: state(c) == "online", 10)


def taken_once_while_away(c, end, came_to_an_end):
    before, readings = c.settle()["messages"], stored(c)
    end()
    wait_for("offline", lambda: state(c) == "offline", 15)
    came_to_an_end()
    for n in range(5):
        c.read(pressure=n / 10)
    c.gateway.start().wait_connected()
    after = c.settle()["messages"]
    expect((after["received"] - before["received"], after["decoded"] - before["decoded"],
            after["duplicate"] - before["duplicate"]), (5, 5, 0), "received, decoded, duplicate")
    if c.influx:
        expect(stored(c) - readings, 5, "field values")
    expect_balance(c.gateway.ledger())
    wait_for("online", lambda: state(c) == "online", 10)


def what_was_sent_while_it_was_stopped_comes_once(c):
    taken_once_while_away(c, c.gateway.stop, lambda: expect(state(c), "offline", "state"))


def what_was_sent_while_it_was_dead_comes_once(c):
    taken_once_while_away(c, c.gateway.process.kill, lambda: None)


# --- a full journal ------------------------------------------------------------------------------


def big_messages(c, count):
    """`count` messages, each as many readings as one may hold, whose lines are long."""
    lines = []
    for _ in range(count):
        c.seq += 1
        batch = [{"ts": c.first_ts + c.seq * BIG_BATCH + n, "r": {"trips": n}}
                 for n in range(BIG_BATCH)]
        lines.append(json.dumps({"seq": c.seq, "batch": batch}, separators=(",", ":")))
    c.broker.publish_lines("lifeline/v1/up/" + LONG_NAME, lines)
    c.sent += count


def freeze(c, frozen):
    """A database that hangs: unlike one that refuses, it is not asked more and more seldom."""
    c.need_influx().process.popen.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)


def fill_up(c):
    """Until the database's spool is full, and behind it the journal."""
    freeze(c, True)
    big_messages(c, FILLING[0])
    wait_for("a full spool", lambda: "pipeline stalled" in log_of_this_start(c), 60)
    big_messages(c, FILLING[1])
    wait_for("a full journal", lambda: "ingest held_back" in log_of_this_start(c), 30)


def messages_are_held_back_when_the_journal_is_full(c):
    c.need_influx()
    c.import_rows("asset", [{"id": LONG_NAME, "kind": "gas_pipe", "district": LONG_DISTRICT}])
    c.import_rows("device", [{"id": LONG_NAME, "asset": LONG_NAME, "profile": "it_pipe"}])
    c.settled_at = messages(c)["decoded"]
    for destination in c.gateway.config["destinations"]:
        destination["timeout_s"] = 300
    c.gateway.config["spool"] = {"max_mib": 16, "on_full": "hold"}
    c.gateway.config["intake"].update(segment_mib=1, max_mib=FULL_MIB)
    restart(c, keepalive_s=5)
    c.first_ts = now_ms() - 24 * 3600 * 1000
    fill_up(c)
    expect(status(c)["holding"], True, "holding in status")
    expect_in("held back", c.gateway.ctl("status", json_output=False).stdout, "lifelinectl status")
    received = messages(c)["received"] - c.settled_at
    expect(received < sum(FILLING), True, "fewer than all received (%d)" % received)


def they_are_held_back_for_longer_than_the_broker_waits(c):
    c.need_influx()
    wait_for("the broker to give the gateway up", lambda: state(c) == "offline", 30, 0.5)


def all_arrive(c, count):
    """Thawed, the database gets every reading of `count` long messages."""
    freeze(c, False)
    wait_for("all messages", lambda: messages(c)["decoded"] - c.settled_at == count, 90)
    expect_balance(c.gateway.wait_settled(0))
    expect(status(c)["holding"], False, "holding in status")
    expect([row["count"] for row in c.influx.query(
        "SELECT count(trips) FROM gas_pipe WHERE device = '%s'" % LONG_NAME)],
        [count * BIG_BATCH], "in InfluxDB")


def all_of_them_arrive_when_the_database_is_back(c):
    c.need_influx()
    all_arrive(c, sum(FILLING))


def a_gateway_that_holds_a_message_back_can_be_stopped_and_started(c):
    fill_up(c)
    c.gateway.stop()
    expect_in("stopped_holding", log_of_this_start(c), "the log")
    c.gateway.start().wait_connected()
    all_arrive(c, 2 * sum(FILLING))


def it_goes_on_afterwards(c):
    before = messages(c)["decoded"]
    c.read(pressure=0.7)
    wait_for("one more", lambda: messages(c)["decoded"] == before + 1, 30)
    expect_balance(c.gateway.wait_settled(0))


if __name__ == "__main__":
    run([a_broker_of_311_alone_is_spoken_to_by_311,
         a_broker_that_refuses_mqtt_5_by_mqtt_5_is_spoken_to_by_311,
         the_version_is_remembered_for_the_broker, an_old_broker_beside_a_dead_one_is_found,
         with_version_311_mqtt_5_is_never_tried, a_refusal_of_311_has_a_name, a_refused_subscription_is_told,
         a_dead_broker_is_passed_over, a_broker_that_dies_is_left_for_the_next,
         a_broker_that_says_goodbye_is_left_for_the_next, it_stays_at_the_broker_it_found,
         a_broker_that_hangs_up_is_asked_more_and_more_seldom,
         wrong_credentials_are_told_and_tried_again, tls_by_the_right_authority_is_taken,
         tls_beside_a_plain_broker_is_no_hindrance, tls_by_another_authority_is_refused,
         tls_for_another_host_is_refused, an_oversized_message_is_counted_and_its_beginning_kept,
         the_longest_topic_with_the_largest_payload_does_not_stop_the_others,
         the_gateway_says_that_it_is_online, what_was_sent_while_it_was_stopped_comes_once,
         what_was_sent_while_it_was_dead_comes_once,
         messages_are_held_back_when_the_journal_is_full,
         they_are_held_back_for_longer_than_the_broker_waits,
         all_of_them_arrive_when_the_database_is_back,
         a_gateway_that_holds_a_message_back_can_be_stopped_and_started, it_goes_on_afterwards,
         no_password_is_in_a_log], fixture)
