#!/usr/bin/env python3
"""Destinations other than a plain InfluxDB: a server that asks for the gateway's certificate, and a
file, side by side; each gets every line."""

import http.server
import shutil
import ssl
import subprocess
import threading

from city import City, expect_balance, wait_for
from harness import Skip, expect, run
from lifeline_services import ServiceError


class Server:
    """Takes what is posted from those whose certificate the CA has signed."""

    def __init__(self, folder):
        self.bodies = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                outer.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_words: None  # a handshake that failed
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem", folder / "server.key")
        context.load_verify_locations(folder / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        self.url = "https://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def lines(self):
        return b"".join(self.bodies).decode().splitlines()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def make_certificates(folder):
    """A CA, and by it one for the server and one for the gateway."""
    def openssl(*words):
        done = subprocess.run(["openssl", *words], cwd=folder, capture_output=True, text=True,
                              timeout=60)
        if done.returncode != 0:
            raise ServiceError("openssl %s: %s" % (words[0], done.stderr))

    folder.mkdir()
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
            "-subj", "/CN=ca")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    for name in ("server", "gateway"):
        openssl("req", *new_key, "-keyout", name + ".key", "-out", name + ".csr",
                "-subj", "/CN=" + name)
        openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", name + ".pem")


def fixture(folder):
    if shutil.which("openssl") is None:
        raise Skip("openssl is not installed")
    certificates = folder / "tls"
    make_certificates(certificates)
    server = Server(certificates)
    c = City(folder, influx=False, start=False)
    c.server, c.certificates, c.file = server, certificates, folder / "out/readings.lp"
    c.gateway.config["destinations"] = [
        {"name": "far", "type": "influxdb2", "url": server.url, "bucket": "b", "gzip": False,
         "ca_file": str(certificates / "ca.pem"), "batch_wait_ms": 50},
        {"name": "archive", "type": "file", "path": str(c.file), "batch_wait_ms": 50}]
    c.gateway.write_config()
    try:
        c.start(1)
        yield c
        c.gateway.stop()
    finally:
        server.close()
        c.services.end_all()


def destinations(c):
    return {row["name"]: row for row in c.gateway.get("/api/v1/status")["destinations"]}


def without_its_certificate_nothing_is_taken_and_all_is_kept(c):
    c.read(pressure=0.5)
    c.read(pressure=0.6)
    wait_for("a failure", lambda: not destinations(c)["far"]["reachable"], 30)
    expect(destinations(c)["far"]["in_flight"], 2, "in flight")
    expect(c.server.lines(), [], "taken")


def a_file_gets_its_lines_whatever_becomes_of_the_other(c):
    wait_for("the lines", lambda: destinations(c)["archive"]["forwarded"] == 2, 30)
    lines = c.file.read_text(encoding="utf-8").splitlines()
    expect([line.split(" ")[1] for line in lines], ["pressure_mpa=0.5", "pressure_mpa=0.6"],
           "in the file")


def with_its_certificate_they_are_taken(c):
    c.gateway.stop()
    c.gateway.config["destinations"][0].update(cert_file=str(c.certificates / "gateway.pem"),
                                               key_file=str(c.certificates / "gateway.key"))
    c.gateway.write_config()
    c.gateway.start().wait_connected()
    c.read(pressure=0.7)
    expect_balance(c.settle())
    expect(c.server.lines(), c.file.read_text(encoding="utf-8").splitlines(), "both")
    expect(len(c.server.lines()), 3, "lines")


def a_path_that_is_a_folder_stops_the_start_and_a_file_that_was_moved_is_begun_anew(c):
    c.gateway.stop()
    c.file.rename(c.file.with_suffix(".old"))
    c.file.mkdir()
    refused = c.gateway.start(wait=False).process
    expect(refused.popen.wait(30) > 0, True, "it does not start")
    c.file.rmdir()
    c.gateway.start().wait_connected()
    c.read(pressure=0.8)
    expect_balance(c.settle())
    lines = c.file.read_text(encoding="utf-8").splitlines()
    expect([line.split(" ")[1] for line in lines], ["pressure_mpa=0.8"], "in the new file")


if __name__ == "__main__":
    run([without_its_certificate_nothing_is_taken_and_all_is_kept,
         a_file_gets_its_lines_whatever_becomes_of_the_other, with_its_certificate_they_are_taken,
         a_path_that_is_a_folder_stops_the_start_and_a_file_that_was_moved_is_begun_anew], fixture)
