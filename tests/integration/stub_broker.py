"""A broker that speaks just enough MQTT 3.1.1 and 5 for one client, refuses what it is told to
refuse, and keeps what it saw."""

import socket
import struct
import threading

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, DISCONNECT = (
    1, 2, 3, 4, 8, 9, 12, 14)
V311, V5 = 4, 5


def packet(kind, body, flags=0):
    length, head = len(body), bytes([kind << 4 | flags])
    while True:
        digit, length = length % 128, length // 128
        head += bytes([digit | (128 if length else 0)])
        if not length:
            return head + body


class StubBroker:
    """`refuse`: CONNECT's version -> the CONNACK it gets before the connection is closed.
    `deliver`: (topic, payload) sent at QoS 1 to each session that subscribes.
    `granted`: the code in SUBACK."""

    def __init__(self, refuse=None, deliver=(), granted=1):
        self.refuse, self.deliver, self.granted = refuse or {}, list(deliver), granted
        self.versions = []  # of each CONNECT
        self.filters = []
        self.subscribed = 0  # requests of the present session
        self.acknowledged = []  # packet ids of PUBACK
        self.published = []  # (topic, payload) from the client
        self.client = None
        self.version = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.uri = "mqtt://127.0.0.1:%d" % self.port
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        self.listener.close()
        self.drop()

    def drop(self):
        """Closes the connection without a word."""
        if self.client:
            try:
                self.client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the client was faster

    def say_goodbye(self, reason):
        """MQTT 5: DISCONNECT by the server."""
        self.client.sendall(packet(DISCONNECT, bytes([reason, 0])))
        self.drop()

    def serve(self):
        while True:
            try:
                self.client, _ = self.listener.accept()
            except OSError:
                return  # closed
            try:
                with self.client, self.client.makefile("rb") as stream:
                    self.session(stream)
            except (OSError, EOFError):
                pass  # one session less

    @staticmethod
    def read(stream, size):
        data = stream.read(size)
        if len(data) < size:
            raise EOFError
        return data

    def read_packet(self, stream):
        head = self.read(stream, 1)[0]
        length = shift = 0
        while True:
            digit = self.read(stream, 1)[0]
            length |= (digit & 127) << shift
            shift += 7
            if not digit & 128:
                return head >> 4, head & 15, self.read(stream, length)

    def session(self, stream):
        kind, _, body = self.read_packet(stream)
        if kind != CONNECT:
            return
        self.version = body[6]  # behind the protocol's name
        self.versions.append(self.version)
        self.subscribed = 0
        if self.version in self.refuse:
            self.client.sendall(packet(CONNACK, self.refuse[self.version]))
            return
        self.client.sendall(packet(CONNACK, b"\0\0" + self.no_properties()))
        while kind != DISCONNECT:
            kind, flags, body = self.read_packet(stream)
            answer = self.answers.get(kind)
            if answer:
                answer(self, flags, body)

    def no_properties(self):
        return b"\0" if self.version == V5 else b""

    def on_subscribe(self, _, body):
        rest = body[2 + len(self.no_properties()):]
        codes = b""
        while rest:
            end = 2 + struct.unpack(">H", rest[:2])[0]
            self.filters.append(rest[2:end].decode())
            rest = rest[end + 1:]
            codes += bytes([self.granted])
        self.client.sendall(packet(SUBACK, body[:2] + self.no_properties() + codes))
        self.subscribed += 1
        for number, (topic, payload) in enumerate(self.deliver if self.subscribed == 1 else [], 1):
            name = topic.encode()
            self.client.sendall(packet(
                PUBLISH, struct.pack(">H", len(name)) + name + struct.pack(">H", number) +
                self.no_properties() + payload.encode(), 2))

    def on_publish(self, flags, body):
        end = 2 + struct.unpack(">H", body[:2])[0]
        qos = flags >> 1 & 3
        rest = body[end + (2 if qos else 0) + len(self.no_properties()):]
        self.published.append((body[2:end].decode(), rest.decode()))
        if qos:
            self.client.sendall(packet(PUBACK, body[end:end + 2]))

    def on_puback(self, _, body):
        self.acknowledged.append(struct.unpack(">H", body[:2])[0])

    def on_ping(self, _, body):
        self.client.sendall(packet(PINGREQ + 1, b""))

    answers = {SUBSCRIBE: on_subscribe, PUBLISH: on_publish, PUBACK: on_puback, PINGREQ: on_ping}
