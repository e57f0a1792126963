#!/usr/bin/env python3
"""Open alarms as retained messages: what a subscriber that comes late finds at the broker, whatever
happened to the broker or the gateway meanwhile."""

import copy
import json
import random
import shutil
import signal
import struct
import threading
import time

import test_mqtt
from city import City, expect_balance, now_ms, wait_for
from harness import ROOT, expect, expect_in, run
from lifeline_services import Broker, Gateway, Services
from mini_client import Client, retained, retained_alarms
from stub_broker import PUBACK, PUBLISH, StubBroker, packet

BASE = "lifeline/v1/alarms/test/"
STALE = 1500  # more than may wait at once
KILLS = 6
TYPES = {"integer": int, "string": str, "null": type(None), "number": (int, float)}


def fixture(folder):
    c = City(folder, devices=3, start=False, intake={"checkpoint_interval_s": 1})
    c.mqtt = dict(c.gateway.config["mqtt"])
    try:
        c.tls_port = test_mqtt.make_tls(c) if shutil.which("openssl") else None
        c.start(3)
        yield c
        c.gateway.stop()
    finally:
        if c.influx and c.influx.process:
            c.influx.process.popen.send_signal(signal.SIGCONT)
        c.services.end_all()


def told(gateway):
    """What the gateway says of it."""
    return gateway.get("/api/v1/status")["alarms_mqtt"]


def open_alarms(gateway):
    """{alarm id: alarm} as the API lists them."""
    items = gateway.get("/api/v1/alarms?open=1&limit=1000")["items"]
    return {item["id"]: item for item in items}


def wait_in_line(gateway, broker, what):
    """Until the broker retains what the API lists, and the gateway knows it. The alarms."""
    wait_for("%s: up to date in %s" % (what, told(gateway)),
             lambda: told(gateway)["up_to_date"], 30)
    found = retained_alarms(broker, gateway.config["gateway"]["id"])
    expect(len(found), len(open_alarms(gateway)), "%s: number of alarms" % what)
    expect(found, open_alarms(gateway), what)
    return found


def the_alarm(c, device, state):
    """The newest alarm of a device, once it is in that state in the archive."""
    def probe():
        items = [a for a in c.gateway.get("/api/v1/alarms?limit=1000")["items"]
                 if a["device"] == device]
        return items[0] if items and items[0]["state"] == state else None
    return wait_for("an alarm of %s that is %s" % (device, state), probe, 20)


def raise_alarm(c, device="d1"):
    c.read(device, methane=31.5)
    return the_alarm(c, device, "unacknowledged")


def end_alarm(c, device="d1"):
    """Back to normal, by hand and by a reading."""
    for alarm in open_alarms(c.gateway).values():
        if alarm["device"] == device:
            if alarm["state"] != "acknowledged":
                c.gateway.ctl("alarms", "ack", alarm["id"])
            c.read(device, methane=1)
            the_alarm(c, device, "normal")


# --- an alarm's life -----------------------------------------------------------------------------


def an_alarm_that_is_raised_is_retained_as_the_api_shows_it(c):
    alarm = raise_alarm(c)
    expect(list(wait_in_line(c.gateway, c.broker, "raised")), [alarm["id"]], "alarms")
    shown = c.gateway.get("/api/v1/alarms/%d" % alarm["id"])["alarm"]
    expect(retained_alarms(c.broker)[alarm["id"]], shown, "the message")


def it_is_what_the_schema_says(c):
    schema = json.loads((ROOT / "config/schema/alarm.schema.json").read_text())
    alarm, = retained_alarms(c.broker).values()
    expect(sorted(alarm), sorted(schema["required"]), "members")
    for key, value in alarm.items():
        rule = schema["properties"][key]
        types = rule.get("type", [])
        known = tuple(TYPES[name] for name in ([types] if isinstance(types, str) else types))
        good = value in rule["enum"] if "enum" in rule else isinstance(value, known)
        expect(good, True, "%s: %r by %s" % (key, value, rule))


def an_acknowledgement_is_told(c):
    alarm = the_alarm(c, "d1", "unacknowledged")
    c.gateway.ctl("alarms", "ack", alarm["id"], "--note", "on the way")
    acked = wait_in_line(c.gateway, c.broker, "acknowledged")[alarm["id"]]
    expect((acked["state"], acked["note"]), ("acknowledged", "on the way"), "state and note")


def one_that_returns_before_it_is_acknowledged_stays(c):
    alarm = raise_alarm(c, "d2")
    c.read("d2", methane=1)
    the_alarm(c, "d2", "rtn_unacknowledged")
    alarms = wait_in_line(c.gateway, c.broker, "returned")
    expect(alarms[alarm["id"]]["state"], "rtn_unacknowledged", "state")


def an_empty_message_takes_back_one_that_is_over(c):
    listener = c.services.start("listener", [
        "mosquitto_sub", "-t", BASE + "#", "-q", "1", "-C", "3", "-W", "30", "-F", "%t %l %r",
        *c.broker.client_options()])
    wait_for("two alarms", lambda: len(listener.log_text().splitlines()) == 2, 15)
    ended = the_alarm(c, "d1", "acknowledged")
    c.read("d1", methane=1)
    the_alarm(c, "d1", "normal")
    listener.popen.wait(30)
    expect(listener.log_text().splitlines()[2], BASE + "%d 0 0" % ended["id"], "the message")
    alarms = wait_in_line(c.gateway, c.broker, "ended")
    expect(ended["id"] in alarms, False, "the alarm is still retained")


def it_is_counted(c):
    counts = told(c.gateway)
    expect((counts["connected"], counts["last_error"], counts["failed"], counts["waiting"]),
           (True, "", 0, 0), "connected, last_error, failed, waiting")
    expect(counts["published"] >= 4 and counts["cleared"] == 1, True, "counts %s" % counts)
    text = c.gateway.ctl("status", json_output=False).stdout
    expect_in("by MQTT: up to date; %d published, 1 cleared" % counts["published"], text, "status")


# --- the broker is away --------------------------------------------------------------------------


def while_the_broker_is_away(c, forgets):
    """One alarm ends, one is acknowledged and one stays as it is, behind the broker's back."""
    for device in ("d1", "d2", "d3"):
        end_alarm(c, device)
    gone, acked, kept = (raise_alarm(c, device) for device in ("d1", "d2", "d3"))
    c.read("d1", methane=1)
    the_alarm(c, "d1", "rtn_unacknowledged")
    before = wait_in_line(c.gateway, c.broker, "before")
    expect(sorted(before), sorted([gone["id"], acked["id"], kept["id"]]), "alarms before")
    c.broker.process.end()
    wait_for("the loss", lambda: not told(c.gateway)["connected"], 20)
    c.gateway.ctl("alarms", "ack", gone["id"])
    c.gateway.ctl("alarms", "ack", acked["id"])
    if forgets:
        for file in c.broker.folder.glob("*.db"):
            file.unlink()
    c.broker.start()
    wait_for("the gateway at the broker", lambda: told(c.gateway)["connected"], 60)
    after = wait_in_line(c.gateway, c.broker, "after")
    expect({number: alarm["state"] for number, alarm in after.items()},
           {acked["id"]: "acknowledged", kept["id"]: "unacknowledged"}, "alarms after")


def a_broker_that_comes_back_is_brought_up_to_date(c):
    while_the_broker_is_away(c, forgets=False)


def a_broker_that_forgot_everything_is_told_again(c):
    while_the_broker_is_away(c, forgets=True)


# --- the gateway is away -------------------------------------------------------------------------


def restart(c, **mqtt):
    c.gateway.config["mqtt"] = dict(c.mqtt, **mqtt)
    c.gateway.write_config()
    c.gateway.start().wait_connected()


def what_was_killed_before_it_was_told_is_told_at_the_next_start(c):
    end_alarm(c, "d3")
    gone = raise_alarm(c, "d3")
    wait_in_line(c.gateway, c.broker, "before")
    c.gateway.stop()
    # Transitions that are archived and not told: as if the kill had come in between each time.
    restart(c, alarms_topic="")
    expect(told(c.gateway), None, "told")
    expect_in("not published by MQTT", c.gateway.ctl("status", json_output=False).stdout, "status")
    end_alarm(c, "d3")
    raised = raise_alarm(c, "d1")
    expect(gone["id"] in retained_alarms(c.broker), True, "the old alarm is retained")
    expect(raised["id"] in retained_alarms(c.broker), False, "the new alarm is retained")
    c.gateway.process.kill()
    restart(c)
    alarms = wait_in_line(c.gateway, c.broker, "after the kill")
    expect((gone["id"] in alarms, raised["id"] in alarms), (False, True), "old, new alarm")


def kills_at_random_moments_leave_nothing_stale(c):
    random_numbers = random.Random(6)
    for _ in range(KILLS):
        until = time.monotonic() + random_numbers.uniform(0.1, 0.6)
        value = 0
        while time.monotonic() < until:
            value = 50 - value
            c.read("d3", methane=value)
        c.gateway.process.kill()
        c.gateway.start().wait_connected()
        for alarm in open_alarms(c.gateway).values():
            if alarm["state"] != "acknowledged":
                c.gateway.ctl("alarms", "ack", alarm["id"], check=False)
    c.settle()
    wait_in_line(c.gateway, c.broker, "after %d kills" % KILLS)
    expect_balance(c.gateway.ledger())


def what_is_retained_of_alarms_that_nobody_knows_is_taken_back(c):
    c.gateway.stop()
    with Client(c.broker) as client:
        client.publish([(BASE + str(number), "{}") for number in range(100001, 100001 + STALE)])
        expect(len(client.retained(BASE + "+")) >= STALE, True, "stale ones are retained")
    restart(c)
    wait_in_line(c.gateway, c.broker, "afterwards")
    expect(told(c.gateway)["cleared"] >= STALE, True, "cleared: %s" % told(c.gateway))


def what_is_not_an_alarm_of_its_own_is_left_alone(c):
    others = {BASE + "note": "a", BASE + "007": "b", "lifeline/v1/alarms/test2/1": "c",
              "lifeline/v1/alarms/1": "d", BASE + "9223372036854775808": "e"}
    c.gateway.stop()
    with Client(c.broker) as client:
        client.publish(others.items())
    restart(c)
    wait_for("up to date", lambda: told(c.gateway)["up_to_date"], 30)
    found = retained(c.broker, "lifeline/v1/alarms/#")
    expect({topic: found.get(topic) for topic in others}, others, "what others retain")
    with Client(c.broker) as client:
        client.publish([(topic, "") for topic in others])


# --- more than one, and refusals -----------------------------------------------------------------


def two_gateways_do_not_touch_each_others_alarms(c):
    services = Services(c.folder / "second", c.services.build)
    second = Gateway(services, c.broker.uri, c.broker.password_file("gateway"),
                     gateway={"id": "other"})
    try:
        second.start()
        for noun, file in (("profile", "profile"), ("asset", "asset"), ("device", "device")):
            second.ctl(noun, "import", c.folder / (file + ".json"))
        second.wait_connected()
        end_alarm(c, "d2")
        raise_alarm(c, "d2")
        wait_for("the second gateway's alarm", lambda: open_alarms(second), 20)
        wait_in_line(second, c.broker, "the second")
        wait_in_line(c.gateway, c.broker, "the first")
        c.gateway.stop()
        restart(c)
        wait_in_line(c.gateway, c.broker, "the first after a restart")
        wait_in_line(second, c.broker, "the second after it")
        second.stop()
    finally:
        services.end_all()


def by_mqtt_311_it_is_the_same(c):
    end_alarm(c, "d1")
    gone = raise_alarm(c, "d1")
    wait_in_line(c.gateway, c.broker, "before")
    c.gateway.stop()
    restart(c, version="3.1.1", alarms_topic="")
    end_alarm(c, "d1")
    c.gateway.stop()
    restart(c, version="3.1.1")
    raised = raise_alarm(c, "d1")
    alarms = wait_in_line(c.gateway, c.broker, "by 3.1.1")
    expect((gone["id"] in alarms, raised["id"] in alarms), (False, True), "old, new alarm")
    expect_in("mqtt=3.1.1 topics", test_mqtt.log_of_this_start(c), "the log")


def over_tls_it_is_the_same(c):
    uri = test_mqtt.need_tls(c)
    end_alarm(c, "d1")
    c.gateway.stop()
    restart(c, uris=[uri], ca_file=str(c.folder / "tls/ca.pem"))
    raised = raise_alarm(c, "d1")
    expect(raised["id"] in wait_in_line(c.gateway, c.broker, "over TLS"), True, "the alarm")
    expect(":%d" % c.tls_port in told(c.gateway)["uri"], True, "uri %s" % told(c.gateway)["uri"])


def give_access(broker, gateway):
    """The broker's list, as it is shipped, filled in with a gateway's id."""
    text = (ROOT / "config/mosquitto/lifeline.acl").read_text()
    file = broker.folder / "acl"
    file.write_text(text.replace("north-1", gateway))
    file.chmod(0o600)
    return file


def start_guarded(c, gateway):
    """A broker of its own that holds to the list."""
    services = Services(c.folder / "guarded", c.services.build)
    broker = Broker(services)
    broker.users["d1"] = broker.users["devices"]
    broker.configure("false")
    acl = give_access(broker, gateway)
    with open(broker.folder / "mosquitto.conf", "a", encoding="utf-8") as config:
        config.write("acl_file %s\n" % acl)
    c.guarded = broker
    return broker.start()


def expect_refused(status):
    expect((status["up_to_date"], status["published"]), (False, 0), "up to date, published")
    expect_in("Not authorized", status["last_error"], "last_error")
    expect_in(BASE, status["last_error"], "last_error")


def without_permission_it_says_so_and_goes_on_with_the_rest(c):
    broker = start_guarded(c, "somebody-else")
    c.gateway.stop()
    restart(c, uris=[broker.uri], password_file=str(broker.password_file("gateway")))
    # This broker hangs up after each refusal; what it said must stay to be seen.
    wait_for("two refusals", lambda: told(c.gateway)["failed"] >= 2, 20)
    for _ in range(20):
        expect_refused(told(c.gateway))
        time.sleep(0.05)
    expect_in("Not authorized", c.gateway.ctl("status", json_output=False).stdout, "status")
    expect_in("notify refused", test_mqtt.log_of_this_start(c), "the log")
    with Client(broker, "d1") as device:
        device.publish([("lifeline/v1/up/d1", '{"r":{"pressure":0.4}}')], retain=False)
    c.sent += 1
    expect_balance(c.settle())
    expect(retained(broker, "lifeline/v1/alarms/#", "gateway"), {}, "retained")


def with_permission_it_is_brought_up_to_date_by_itself(c):
    give_access(c.guarded, "test")
    c.guarded.process.popen.send_signal(signal.SIGHUP)
    wait_for("up to date", lambda: told(c.gateway)["up_to_date"], 60, 0.5)
    expect(told(c.gateway)["last_error"], "", "last_error")
    expect(len(open_alarms(c.gateway)) > 0, True, "there are alarms")
    found = retained(c.guarded, "lifeline/v1/alarms/test/+", "gateway")
    expect(sorted(found), sorted(BASE + str(number) for number in open_alarms(c.gateway)), "topics")


def a_device_may_write_no_alarms(c):
    with Client(c.guarded, "d1") as device:
        try:
            device.publish([(BASE + "4711", "{}")])
        except (OSError, EOFError):
            pass  # the broker hung up
    found = retained(c.guarded, "lifeline/v1/alarms/test/+", "gateway")
    expect(BASE + "4711" in found, False, "the forged alarm is retained")


class Refusing(StubBroker):
    """Refuses all alarms for a while, and hangs up on nobody. Any number of clients."""

    refusing = True

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return  # closed
            peer = copy.copy(self)
            peer.client = client
            peer.broker = self
            threading.Thread(target=peer.talk, daemon=True).start()

    def talk(self):
        try:
            with self.client, self.client.makefile("rb") as stream:
                self.session(stream)
        except (OSError, EOFError):
            pass

    def on_publish(self, flags, body):
        end = 2 + struct.unpack(">H", body[:2])[0]
        if self.broker.refusing and body[2:end].decode().startswith(BASE):
            self.client.sendall(packet(PUBACK, body[end:end + 2] + b"\x87"))
        else:
            super().on_publish(flags, body)

    answers = {**StubBroker.answers, PUBLISH: on_publish}


def a_refusal_without_an_end_of_the_connection_is_tried_again_too(c):
    broker = Refusing()
    c.gateway.stop()
    restart(c, uris=[broker.uri])
    wait_for("the refusal", lambda: told(c.gateway)["failed"], 20)
    expect_refused(told(c.gateway))
    expect(told(c.gateway)["connected"], True, "connected")
    raised = len(open_alarms(c.gateway))
    broker.refusing = False
    wait_for("up to date", lambda: told(c.gateway)["up_to_date"], 60, 0.5)
    expect((told(c.gateway)["published"], told(c.gateway)["last_error"]), (raised, ""),
           "published, last_error")
    expect(len(broker.versions), 2, "connections")
    broker.close()


# --- the intake stands still ---------------------------------------------------------------------


def alarms_reach_the_broker_while_messages_are_held_back(c):
    c.need_influx()
    c.gateway.stop()
    c.gateway.config["spool"] = {"max_mib": 16, "on_full": "hold"}
    c.gateway.config["intake"].update(segment_mib=1, max_mib=test_mqtt.FULL_MIB)
    for destination in c.gateway.config["destinations"]:
        destination["timeout_s"] = 300
    restart(c)
    name = test_mqtt.LONG_NAME
    c.import_rows("asset", [{"id": name, "kind": "gas_pipe", "district": test_mqtt.LONG_DISTRICT}])
    c.import_rows("device", [{"id": name, "asset": name, "profile": "it_pipe"}])
    c.first_ts = now_ms() - 24 * 3600 * 1000
    wait_in_line(c.gateway, c.broker, "before")
    test_mqtt.fill_up(c)
    published = told(c.gateway)["published"]
    c.broker.process.end()
    wait_for("the loss", lambda: not told(c.gateway)["connected"], 20)
    for file in c.broker.folder.glob("*.db"):
        file.unlink()
    c.broker.start()
    wait_for("the alarms again", lambda: told(c.gateway)["published"] > published, 30)
    wait_in_line(c.gateway, c.broker, "while messages are held back")
    expect_in("held_back", test_mqtt.log_of_this_start(c), "the log")
    test_mqtt.freeze(c, False)


if __name__ == "__main__":
    run([an_alarm_that_is_raised_is_retained_as_the_api_shows_it, it_is_what_the_schema_says,
         an_acknowledgement_is_told, one_that_returns_before_it_is_acknowledged_stays,
         an_empty_message_takes_back_one_that_is_over, it_is_counted,
         a_broker_that_comes_back_is_brought_up_to_date,
         a_broker_that_forgot_everything_is_told_again,
         what_was_killed_before_it_was_told_is_told_at_the_next_start,
         kills_at_random_moments_leave_nothing_stale,
         what_is_retained_of_alarms_that_nobody_knows_is_taken_back,
         what_is_not_an_alarm_of_its_own_is_left_alone,
         two_gateways_do_not_touch_each_others_alarms, by_mqtt_311_it_is_the_same,
         over_tls_it_is_the_same,
         without_permission_it_says_so_and_goes_on_with_the_rest,
         with_permission_it_is_brought_up_to_date_by_itself, a_device_may_write_no_alarms,
         a_refusal_without_an_end_of_the_connection_is_tried_again_too,
         alarms_reach_the_broker_while_messages_are_held_back], fixture)
