#!/usr/bin/env python3
"""Certificates that are no good, the broker's and the gateway's: the gateway says which and why,
goes on trying, and is back with nothing lost once they are good, without a restart."""

import shutil

import faults  # first: it finds the others
from certificates import Authority, need_openssl
from city import City, expect_balance, wait_for
from harness import run
from lifeline_services import free_port

RETRY_MAX_MS = 500


def fixture(folder):
    need_openssl()
    c = City(folder, start=False)
    c.authority = Authority(folder / "authority")
    c.good = c.authority.issue("good")
    c.own = (folder / "own.pem", folder / "own.key")
    use(c.own, c.authority.issue("own"))
    c.port = free_port()
    c.plain = (c.broker.folder / "mosquitto.conf").read_text(encoding="utf-8")
    c.gateway.config["mqtt"].update(
        uris=["mqtts://127.0.0.1:%d" % c.port], ca_file=str(c.authority.ca),
        cert_file=str(c.own[0]), key_file=str(c.own[1]), retry_max_ms=RETRY_MAX_MS)
    c.gateway.write_config()
    configure(c, c.good)
    try:
        c.start(1)
        yield c
        c.gateway.stop()
    finally:
        c.services.end_all()


def use(own, files):
    """The gateway's own certificate and key."""
    for to, source in zip(own, files):
        shutil.copy(source, to)


def configure(c, files, more=""):
    (c.broker.folder / "mosquitto.conf").write_text(
        c.plain + "listener %d 127.0.0.1\ncertfile %s\nkeyfile %s\n%s" % (c.port, *files, more))


def restart_broker(c, *what):
    c.broker.process.end()
    configure(c, *what)
    c.broker.start()


def status(c):
    return c.gateway.get("/api/v1/status")["mqtt"]


def attempts(c):
    return c.gateway.process.log_text().count("ingest connect_failed")


def told_and_tried_again(c, words):
    wait_for("%r in %s" % (words, status(c)), lambda: words in status(c)["last_error"] and
             not status(c)["connected"], 30)
    before = attempts(c)
    wait_for("two more attempts", lambda: attempts(c) >= before + 2, 30)
    c.read(pressure=0.5)


def nothing_is_lost(c):
    c.gateway.wait_connected()
    wait_for("the alarms' connection", lambda: c.gateway.get(
        "/api/v1/status")["alarms_mqtt"]["connected"], 30)
    c.read(pressure=0.6)
    expect_balance(c.settle())


def broker_with(c, words, files):
    nothing_is_lost(c)
    restart_broker(c, files)
    told_and_tried_again(c, words)
    restart_broker(c, c.good)
    nothing_is_lost(c)


def a_brokers_certificate_that_has_expired_is_told_until_it_is_renewed(c):
    broker_with(c, "the broker's certificate: certificate has expired",
                c.authority.issue("expired", first_day=-3, last_day=-1))


def so_is_one_that_is_not_valid_yet(c):
    broker_with(c, "the broker's certificate: certificate is not yet valid",
                c.authority.issue("early", first_day=1, last_day=2))


def so_is_one_by_another_authority(c):
    broker_with(c, "not in mqtt.ca_file", Authority(c.folder / "another").issue("stranger"))


def so_is_one_for_another_host(c):
    broker_with(c, "the broker's certificate: IP address mismatch",
                c.authority.issue("elsewhere", host="DNS:elsewhere.example"))


def gateway_with(c, tls_version):
    restart_broker(c, c.good, "cafile %s\nrequire_certificate true\ntls_version %s\n" % (
        c.authority.ca, tls_version))
    nothing_is_lost(c)
    use(c.own, c.authority.issue("late", first_day=-3, last_day=-1))
    c.broker.process.end()
    c.broker.start()
    told_and_tried_again(c, "the broker refuses the gateway: certificate expired")
    use(c.own, c.good)
    nothing_is_lost(c)


def a_gateways_certificate_that_has_expired_is_told_until_it_is_renewed(c):
    gateway_with(c, "tlsv1.3")


def so_it_is_with_tls_12(c):
    gateway_with(c, "tlsv1.2")


if __name__ == "__main__":
    run([a_brokers_certificate_that_has_expired_is_told_until_it_is_renewed,
         so_is_one_that_is_not_valid_yet, so_is_one_by_another_authority,
         so_is_one_for_another_host,
         a_gateways_certificate_that_has_expired_is_told_until_it_is_renewed,
         so_it_is_with_tls_12], fixture)
