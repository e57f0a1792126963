"""A client that speaks just enough MQTT 3.1.1 to look at a broker as a late subscriber does, and to
put many retained messages there at once."""

import json
import socket
import struct

from lifeline_services import ServiceError
from stub_broker import CONNECT, PINGREQ, PUBLISH, SUBSCRIBE, V311, StubBroker, packet

PINGRESP = PINGREQ + 1
CLEAN, USER, PASSWORD = 2, 128, 64


def text(value):
    data = value.encode()
    return struct.pack(">H", len(data)) + data


class Client:
    """One connection, of a user whom the broker of the tests knows."""

    def __init__(self, broker, user="devices"):
        self.socket = socket.create_connection(("127.0.0.1", broker.port), 30)
        self.stream = self.socket.makefile("rb")
        flags = CLEAN | USER | PASSWORD
        self.send(CONNECT, text("MQTT") + bytes([V311, flags]) + struct.pack(">H", 60) + text("") +
                  text(user) + text(broker.users[user]))
        code = self.read()[2][1]
        if code != 0:
            raise ServiceError("the broker refused %s: %d" % (user, code))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stream.close()
        self.socket.close()

    def send(self, kind, body, flags=0):
        self.socket.sendall(packet(kind, body, flags))

    def read(self):
        """(kind, flags, body)"""
        return StubBroker.read_packet(StubBroker, self.stream)

    def until_now(self):
        """What the broker has to say until it has taken all that was sent."""
        self.send(PINGREQ, b"")
        while True:
            kind, flags, body = self.read()
            if kind == PINGRESP:
                return
            yield kind, flags, body

    def publish(self, messages, retain=True):
        """[(topic, payload)] at QoS 0; the broker has them when this returns."""
        for topic, payload in messages:
            self.send(PUBLISH, text(topic) + payload.encode(), 1 if retain else 0)
        list(self.until_now())

    def retained(self, topic_filter):
        """{topic: payload}"""
        self.send(SUBSCRIBE, b"\0\1" + text(topic_filter) + b"\0", 2)
        found = {}
        for kind, flags, body in self.until_now():
            if kind == PUBLISH and flags & 1:
                end = 2 + struct.unpack(">H", body[:2])[0]
                found[body[2:end].decode()] = body[end:].decode()
        return found


def retained(broker, topic_filter, user="devices"):
    with Client(broker, user) as client:
        return client.retained(topic_filter)


def retained_alarms(broker, gateway="test"):
    """{alarm id: alarm} of one gateway, as a subscriber that comes now gets them."""
    found = retained(broker, "lifeline/v1/alarms/%s/+" % gateway)
    return {int(topic.rpartition("/")[2]): json.loads(payload) for topic, payload in found.items()}
