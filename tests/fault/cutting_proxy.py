"""A TCP proxy before a broker that cuts connections in many ways and at any moment."""

import random
import socket
import struct
import threading
import time

CHUNK = 65536
IDLE_S = 0.2
SERVER_SHUTTING_DOWN = b"\xe0\x02\x8b\x00"  # MQTT 5: DISCONNECT
RESET = struct.pack("ii", 1, 0)  # struct linger: close() sends RST


def goes_on(_, client, server):
    copy(server, client)


def is_reset_at_once(_, client, __):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def is_never_answered(_, client, __):
    client.recv(CHUNK)


def ends_within_a_packet(proxy, client, server):
    wait_answer(server)
    server.settimeout(IDLE_S)
    copy(server, client, proxy.random.randint(1, 4000))


def ends_after_a_while(proxy, client, server):
    wait_answer(server)
    threading.Thread(target=copy, args=(server, client), daemon=True).start()
    time.sleep(proxy.random.uniform(0, 0.1))


def says_goodbye(_, client, server):
    """In the broker's words, behind its CONNACK. Not for TLS."""
    wait_answer(server)
    head = server.recv(2)
    client.sendall(head + server.recv(head[1], socket.MSG_WAITALL))
    time.sleep(0.02)
    client.sendall(SERVER_SHUTTING_DOWN)


def wait_answer(server):
    """The gateway may take a second until it says its first word."""
    if len(server.recv(2, socket.MSG_PEEK | socket.MSG_WAITALL)) < 2:
        raise ConnectionError


MUTE_WAYS = (is_reset_at_once, is_never_answered)
TLS_WAYS = (*MUTE_WAYS, ends_within_a_packet, ends_after_a_while)
PLAIN_WAYS = (*TLS_WAYS, says_goodbye)


def copy(source, to, limit=None):
    """All bytes until the end, or so many."""
    try:
        while limit is None or limit > 0:
            data = source.recv(CHUNK if limit is None else min(limit, CHUNK))
            if not data:
                break
            to.sendall(data)
            limit = None if limit is None else limit - len(data)
    except OSError:
        pass  # one of them was cut


def end(*sockets):
    for s in sockets:
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it has ended


class CuttingProxy:
    """Each new connection goes one of the `ways`; the first ones just go on."""

    def __init__(self, target_port, seed):
        self.target_port, self.random = target_port, random.Random(seed)
        self.ways = (goes_on,)
        self.clients = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        end(self.listener)
        self.listener.close()

    def set_ways(self, *ways):
        """From now on; the connections there are end."""
        self.ways = ways
        end(*self.clients)

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return  # closed
            way = self.random.choice(self.ways)
            threading.Thread(target=self.session, args=(client, way), daemon=True).start()

    def session(self, client, way):
        self.clients.append(client)
        try:
            with client, socket.create_connection(("127.0.0.1", self.target_port)) as server:
                if way not in MUTE_WAYS:
                    threading.Thread(target=copy, args=(client, server), daemon=True).start()
                way(self, client, server)
                end(server, *(() if way is is_reset_at_once else (client,)))
        except OSError:
            pass  # the gateway was faster
        finally:
            self.clients.remove(client)
