# SPDX-License-Identifier: Apache-2.0
"""Every wait for a client has a deadline: first byte, head, body, response, idle, linger; and a least speed."""

import time

import pytest

import wire
from harness import SLOWNESS
from processes import eventually
from wire import request

CONFIGURATION = """
    [timeouts]
    first_byte = "700ms"
    head = "700ms"
    body = "700ms"
    response = "700ms"
    idle = "700ms"
    linger = "300ms"
    [limits]
    rate_grace = "1s"
    body_rate = "1KiB"
    response_rate = "20MiB"
    [[route]]
    path = "/cgi-bin/"
    app = "programs"
    [[route]]
    files = "site"
    [app.programs]
    root = "cgi-bin"
"""


@pytest.fixture(scope="module")
def server(shared):
    shared.place.file("site/index.html", "home")
    with open(shared.place.file("site/large.bin"), "wb") as file:
        file.truncate(300 << 20)
    shared.place.script("echo", r"printf 'Content-Type: text/plain\n\n'; exec cat")
    shared.place.script("slow", r"sleep 2; printf 'Content-Type: text/plain\n\nslow but sure'")
    return shared(CONFIGURATION)


def within(started: float, least: float, most: float):
    took = time.monotonic() - started
    assert least * 0.9 <= took <= most * SLOWNESS, f"{took:.2f} s"


def test_nothing_is_sent(server):
    """No first byte: closed in silence, and no line in the access log."""
    started = time.monotonic()
    with server.connect() as connection:
        assert connection.read_to_end() == b""
    within(started, 0.7, 2)


@pytest.mark.parametrize("beginning", [b"G", b"GET / HTTP/1.1\r\nHost: te"])
def test_head_does_not_arrive(server, beginning):
    started = time.monotonic()
    with server.connect() as connection:
        server.count()
        connection.send(beginning)
        assert connection.read_answer().status == 408
        assert connection.is_closed()
    within(started, 0.7, 2)
    assert "head" in server.last_access()["trouble"]


def test_head_that_trickles(server):
    """Slowloris: bytes that keep coming do not extend the deadline."""
    started = time.monotonic()
    with server.connect() as connection:
        server.count()
        connection.send(b"GET / HTTP/1.1\r\nHost: test\r\n")
        while connection.is_quiet(0.1):
            connection.send(b"X")
        assert connection.read_answer().status == 408
    within(started, 0.7, 2)


def test_body_does_not_arrive(server):
    started = time.monotonic()
    with server.connect() as connection:
        server.count()
        connection.send(request("POST", "/cgi-bin/echo", "Transfer-Encoding: chunked") + b"5\r\nhel")
        assert connection.read_answer().status == 408
        assert connection.is_closed()
    within(started, 0.7, 3)


def test_body_that_trickles(server):
    """Slower than body_rate once rate_grace is over."""
    started = time.monotonic()
    with server.connect() as connection:
        server.count()
        connection.send(request("POST", "/cgi-bin/echo", "Transfer-Encoding: chunked") + b"1000\r\n")
        while connection.is_quiet(0.1) and time.monotonic() - started < 10:
            connection.send(b"x")
        assert connection.read_answer().status == 408
    within(started, 0.7, 4)


def test_reader_that_stops(server):
    """A response that nobody takes is given up."""
    started = time.monotonic()
    with server.connect(receive_buffer=4096) as connection:
        server.count()
        connection.send(request("GET", "/large.bin"))
        line = eventually("it is given up", lambda: lines[-1] if len(lines := server.access()) >= server.sent else None)
        assert line["status"] == 200 and not line["complete"]
    within(started, 0.7, 4)


def test_reader_that_dribbles(server):
    """Slower than response_rate once rate_grace is over, though never silent."""
    started = time.monotonic()
    with server.connect(receive_buffer=4096) as connection:
        server.count()
        connection.send(request("GET", "/large.bin"))
        while len(server.access()) < server.sent and time.monotonic() - started < 15:
            connection.socket.recv(2000)
            time.sleep(0.1)
    within(started, 1, 8)
    assert not server.last_access()["complete"]


def test_idle_connection(server):
    with server.connect() as connection:
        server.count()
        assert connection.ask(request("GET", "/")).status == 200
        started = time.monotonic()
        assert connection.is_closed()
    within(started, 0.7, 2)


def test_a_slow_application_is_not_a_slow_client(server):
    assert server.get("/cgi-bin/slow").text == "slow but sure"


def test_fast_enough_is_fast_enough(server):
    """A body in pieces, each well before the deadline."""
    with server.connect() as connection:
        server.count()
        connection.send(request("POST", "/cgi-bin/echo", "Content-Length: 8000"))
        for _ in range(8):
            connection.send(b"x" * 1000)
            time.sleep(0.2)
        assert len(connection.read_answer().body) == 8000


def test_reader_that_is_slow_but_steady(start, place):
    """A client that takes some bytes all the time is waited for, if it is faster than response_rate."""
    with open(place.file("site/large.bin"), "wb") as file:
        file.truncate(300 << 20)
    server = start('[timeouts]\nresponse = "700ms"\n[limits]\nresponse_rate = "1KiB"\n[[route]]\nfiles = "site"')
    with server.connect(receive_buffer=4096) as connection:
        server.count()
        connection.send(request("GET", "/large.bin"))
        end = time.monotonic() + 4
        while time.monotonic() < end and connection.socket.recv(2000):
            time.sleep(0.05)
        assert server.access() == [], "given up"


def test_refused_client_is_let_go(server):
    """Linger is bounded: a client that neither reads nor leaves does not hold the connection."""
    connection = wire.Connection(server.address)
    server.count()
    started = time.monotonic()
    connection.send(b"nonsense\r\n\r\n")
    assert connection.read_answer().status == 400
    assert connection.is_closed()
    try:
        while time.monotonic() - started < 10:
            connection.send(b"x" * 1000)
            time.sleep(0.02)
    except ConnectionError:
        pass
    within(started, 0.2, 3)
    connection.close()
