"""A database that speaks just enough HTTP for the uploader, answers as it is told to, and keeps
what it took as a database does: a point of the same series and time replaces the one before."""

import gzip
import socket
import struct
import threading
import time
import urllib.error
import urllib.request

END_WORDS = "in the test's words"


class Request:
    def __init__(self, target, headers, body):
        self.target, self.headers, self.body = target, headers, body
        self.at = time.monotonic()
        self.alarms = body.startswith(b"lifeline_alarm,")

    def lines(self):
        return self.body.decode().splitlines()


def http_answer(status, text="", *headers):
    data = text.encode()
    head = ["HTTP/1.1 %d Words" % status, "Content-Length: %d" % len(data), *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + data


class StubDatabase:
    """`mode`: a function of the stub, the request and its connection; what it returns is sent, with
    None the connection ends there. `forward`: a database that gets what is taken, too."""

    def __init__(self, name="stub", forward=None):
        self.name, self.forward = name, forward
        self.mode = good
        self.requests = []
        self.taken = 0  # lines, those that came again included
        self.lines = {}  # each once, in their order
        self.points = {}  # (series, field, time): value as text
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self.port = None
        self.start()

    def start(self):
        self.stopped.clear()
        self.listener = socket.create_server(("127.0.0.1", self.port or 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, args=(self.listener,), daemon=True).start()

    def stop(self):
        """From now on nothing listens there."""
        self.stopped.set()
        # close() alone does not end an accept() that is under way.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def destination(self, **more):
        return dict({"name": self.name, "type": "influxdb1", "database": "lifeline",
                     "url": "http://127.0.0.1:%d" % self.port, "batch_wait_ms": 10}, **more)

    def serve(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return  # stopped
            threading.Thread(target=self.session, args=(client,), daemon=True).start()

    def session(self, client):
        try:
            with client, client.makefile("rb") as stream:
                while not self.stopped.is_set():
                    request = self.read(stream, client)
                    if request is None:
                        return
                    self.requests.append(request)
                    answer = self.mode(self, request, client)
                    if answer is None:
                        return
                    client.sendall(answer)
        except OSError:
            pass  # the gateway gave up

    @staticmethod
    def read(stream, client):
        first = stream.readline().split()
        if len(first) < 3:
            return None
        headers = {}
        while True:
            line = stream.readline().decode().strip()
            if not line:
                break
            key, _, value = line.partition(":")
            headers[key.lower()] = value.strip()
        if headers.get("expect"):
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = stream.read(int(headers.get("content-length", 0)))
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        return Request(first[1].decode(), headers, body)

    def take(self, lines):
        with self.lock:
            for line in lines:
                # The tests' names hold no blanks; the texts of alarms do.
                series, _, rest = line.partition(" ")
                fields, _, ts = rest.rpartition(" ")
                self.taken += 1
                self.lines[line] = None
                if series.startswith("lifeline_alarm,"):
                    self.points[(series, "", int(ts))] = fields
                    continue
                for field in fields.split(","):
                    name, _, value = field.partition("=")
                    self.points[(series, name, int(ts))] = value

    def readings(self):
        """{(device, field, ts): value} of what is not about alarms."""
        with self.lock:
            return {(device_of(series), field, ts): value
                    for (series, field, ts), value in self.points.items()
                    if not series.startswith("lifeline_")}

    def alarms(self):
        with self.lock:
            return [key for key in self.points if key[0].startswith("lifeline_alarm,")]


def device_of(series):
    return dict(part.split("=", 1) for part in series.split(",")[1:]).get("device")


# --- how it answers -------------------------------------------------------------------------------


def good(stub, request, _client):
    if stub.forward is None:
        stub.take(request.lines())
        return http_answer(204)
    headers = {key: value for key, value in request.headers.items() if key == "authorization"}
    try:
        urllib.request.urlopen(urllib.request.Request(
            stub.forward + request.target, request.body, headers), timeout=30).close()
    except urllib.error.HTTPError as error:
        return http_answer(error.code, error.read().decode())
    return http_answer(204)


def status(code, *headers):
    """Takes nothing, always says `code`."""
    def mode(_stub, _request, _client):
        return http_answer(code, "%d %s" % (code, END_WORDS), *headers)
    return mode


def refuses_lines_with(*marks):
    """A partial write: takes the others. As of InfluxDB 1."""
    def mode(stub, request, _client):
        lines = request.lines()
        bad = [line for line in lines if any(mark in line for mark in marks)]
        stub.take(line for line in lines if line not in bad)
        if not bad:
            return http_answer(204)
        return http_answer(400, '{"error":"partial write: %s dropped=%d"}' % (END_WORDS, len(bad)))
    return mode


def refuses_larger_than(most_bytes):
    def mode(stub, request, client):
        if len(request.body) > most_bytes:
            return http_answer(413, END_WORDS)
        return good(stub, request, client)
    return mode


def says_nothing(stub, _request, _client):
    stub.stopped.wait(60)


def half_an_answer(stub, request, client):
    """It has the points, and the gateway cannot know."""
    stub.take(request.lines())
    client.sendall(b"HTTP/1.1 204 No Con")


def half_a_body(_stub, _request, client):
    client.sendall(b"HTTP/1.1 500 Words\r\nContent-Length: 1000\r\n\r\nhalf of what")


def a_byte_a_second(stub, request, client):
    stub.take(request.lines())
    for byte in http_answer(204):
        client.sendall(bytes([byte]))
        if stub.stopped.wait(1):
            return


def resets(_stub, _request, client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def no_http(_stub, _request, client):
    client.sendall(b"220 mail.example ESMTP\r\n")
