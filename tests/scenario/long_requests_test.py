# SPDX-License-Identifier: Apache-2.0
"""Requests at peers that take long: they cost nobody else, and what has been answered was answered.

The peer speaks FastCGI itself: it says that it takes one connection for fifty requests, does what the query says, and
never reads a body when it is told not to.
"""

import socketserver
import struct
import threading
import time

import pytest

import control
from harness import SLOWNESS
from processes import eventually
from wire import request

CONFIGURATION = """
    [workers]
    threads = 1
    [[route]]
    app = "farm"
    [app.farm]
    type = "fastcgi"
    model = "remote"
    peers = ["127.0.0.1:{port}"]
    {lines}
"""
HEAD = b"Content-Type: text/plain\r\n"
BEGIN, ABORT, END, STDIN, STDOUT, GET_VALUES, VALUES = 1, 2, 3, 5, 6, 9, 10


def record(kind: int, request: int, content: bytes) -> bytes:
    return struct.pack("!BBHHBB", 1, kind, request, len(content), 0, 0) + content


def pair(name: bytes, value: bytes) -> bytes:
    return bytes([len(name), len(value)]) + name + value


class Peer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Connection)
        self.port = self.server_address[1]
        self.behaviour, self.is_deaf = self.hello, False
        self.begun, self.connections = [], set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Connection(socketserver.StreamRequestHandler):
        def handle(self):
            self.lock, reading = threading.Lock(), True
            try:
                while reading and (head := self.rfile.read(8)):
                    _, kind, number, length, padding, _ = struct.unpack("!BBHHBB", head)
                    self.rfile.read(length + padding)
                    if kind == GET_VALUES:
                        self.say(record(VALUES, 0, pair(b"FCGI_MPXS_CONNS", b"1") + pair(b"FCGI_MAX_CONNS", b"1")
                                        + pair(b"FCGI_MAX_REQS", b"50")))
                    elif kind == ABORT:
                        self.say(record(END, number, bytes(8)))
                    elif kind == BEGIN and self.server.is_deaf or kind == STDIN and length == 0:
                        reading = self.server.begin(self, number)
            except OSError:
                pass

        def say(self, data: bytes):
            with self.lock:
                self.connection.sendall(data)

        def answer(self, number: int, text: bytes, end: bool = True):
            self.say(record(STDOUT, number, text) + (record(END, number, bytes(8)) if end else b""))

    def begin(self, connection, number: int) -> bool:
        self.begun.append(number)
        self.connections.add(connection)
        return self.behaviour(connection, number) is not False

    def hello(self, connection, number: int):
        connection.answer(number, HEAD + b"\r\nhello")

    def hang(self, connection, number: int):
        pass

    def hang_once(self, connection, number: int):
        self.behaviour = self.hello

    def answer_and_work(self, connection, number: int):
        connection.answer(number, HEAD + b"Content-Length: 5\r\n\r\nhello", end=False)

    def answer_and_read_nothing(self, connection, number: int):
        connection.answer(number, HEAD + b"\r\n", end=False)
        for _ in range(6):
            connection.answer(number, b"line\n", end=False)
            time.sleep(0.5)
        connection.answer(number, b"end\n")
        time.sleep(0.5)
        return False

    def fall_silent(self, connection, number: int):
        time.sleep(5)
        return False


@pytest.fixture
def peer():
    with Peer() as made:
        yield made
        made.shutdown()


@pytest.fixture
def begin(start, peer):
    return lambda lines: start(CONFIGURATION.format(port=peer.port, lines=lines))


def test_one_that_takes_long_beside_many(begin, peer):
    """They go on over the connection that it is on."""
    server = begin('multiplex = true\nhealth = { interval = "0" }')
    assert server.get("/").status == 200
    peer.behaviour = peer.hang_once
    slow = server.connect()
    server.count()
    slow.send(request("GET", "/slow"))
    eventually("it is there", lambda: peer.behaviour == peer.hello)
    for _ in range(20):
        time.sleep(0.05)
        assert server.get("/").status == 200
    assert len(peer.connections) <= 2
    slow.reset()
    eventually("it has been told", lambda: any(line["status"] == 0 for line in server.access()))


def test_who_works_on_after_its_answer_has_answered(begin, peer):
    server = begin('time_limit = "1s"\nhealth = { fails = 1, interval = "0" }')
    peer.behaviour = peer.answer_and_work
    assert [server.get("/").text for _ in range(3)] == ["hello"] * 3
    server.wait_for_error("it went on after its answer until the time limit of 1 s", 5 * SLOWNESS)
    app = eventually("all have ended", lambda: not (now := control.app(server, "farm"))["live"] and now, 10)
    assert app["failures"] == 0 and app["peers"][0]["failures"] == 0 and app["peers"][0]["state"] == "up"
    assert "no answer within" not in server.errors()


def test_an_answer_under_way_is_not_cut_off(begin, peer):
    """FastCGI 6.1: a program may never read its stdin. What neither reads nor answers is given up."""
    server = begin('send_timeout = "1s"\nretries = 0')
    body = bytes(20 << 20)
    peer.behaviour, peer.is_deaf = peer.answer_and_read_nothing, True
    answer = server.post("/", body)
    assert (answer.status, answer.text) == (200, "line\n" * 6 + "end\n")
    peer.behaviour = peer.fall_silent
    started = time.monotonic()
    assert server.post("/", body).status == 504
    assert time.monotonic() - started < 3 * SLOWNESS


def test_a_single_peer_that_hangs_is_asked_once(begin, peer):
    server = begin('first_byte_timeout = "500ms"')
    peer.behaviour = peer.hang
    started = time.monotonic()
    assert server.get("/").status == 504
    assert time.monotonic() - started < 0.9 * SLOWNESS
    assert len(peer.begun) == 1


def test_a_client_that_leaves_is_no_failure(begin, peer):
    """Status 0 in the access log, and nothing of it among the errors."""
    server = begin("")
    peer.behaviour = peer.hang
    with server.connect() as connection:
        server.count()
        connection.send(request("GET", "/"))
        eventually("it is asked", lambda: peer.begun)
        connection.reset()
    line = server.wait_for_access()[-1]
    assert (line["status"], line["complete"]) == (0, False) and "left" in line["trouble"]
    assert " error " not in server.errors()
