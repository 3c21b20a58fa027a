# SPDX-License-Identifier: Apache-2.0
"""What a proxy must do, before origins that the test scripts byte by byte: type "http" under "remote".

Kept connections and the races about them, answers that come early, slowly, in pieces, cut, or that are no HTTP at all,
answers that two readers could understand differently, and upgrades.
"""

import socket
import threading
import time

import pytest

import harness
from processes import eventually
from wire import chunked, request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CONFIGURATION = """
    [workers]
    threads = 1
    [[route]]
    app = "origin"
    [app.origin]
    type = "http"
    model = "remote"
    peers = ["127.0.0.1:{port}"]
    health.interval = "0"
    {lines}
"""


class Origin:
    """Answers each request on each connection with what `script` makes of (connection's number, request's number, head).

    A script returns bytes to send, or a function that is given the connection; None closes it.
    """

    def __init__(self, script):
        self.script, self.heads, self.connections = script, [], 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection, self.connections), daemon=True).start()

    def serve(self, connection, number: int):
        asked, data = 0, b""
        with connection:
            while True:
                while b"\r\n\r\n" not in data:
                    try:
                        piece = connection.recv(65536)
                    except OSError:
                        return
                    if not piece:
                        return
                    data += piece
                head, data = data.split(b"\r\n\r\n", 1)
                asked += 1
                self.heads.append(head.decode("latin-1"))
                reply = self.script(number, asked, self.heads[-1])
                if reply is None:
                    return
                if callable(reply):
                    return reply(connection, data)
                connection.sendall(reply)

    def close(self):
        self.listener.close()


@pytest.fixture
def behind(start):
    """behind(script, lines): a server before an origin."""
    origins = []

    def begin(script, *lines: str):
        origin = Origin(script if callable(script) else lambda *_: script)
        origins.append(origin)
        server = start(CONFIGURATION.format(port=origin.port, lines="\n    ".join(lines)))
        return server, origin

    yield begin
    for origin in origins:
        origin.close()


def test_connections_are_kept_and_closed_in_time(behind):
    server, origin = behind(OK)
    for _ in range(10):
        assert server.get("/").text == "ok"
    assert origin.connections == 1
    time.sleep(1.3)  # idle_connection_time of a farm
    server.get("/")
    assert origin.connections == 2


def test_a_kept_connection_that_was_closed_costs_nobody_anything(behind):
    """The origin closes after each answer without having said so; now and then under the next request."""

    def script(_, asked, __):
        return OK if asked == 1 else None

    server, _ = behind(script)
    assert [server.get("/").status for _ in range(30)] == [200] * 30


def test_a_request_that_may_not_be_repeated_is_not(behind):
    server, origin = behind(lambda _, asked, __: OK if asked == 1 else None)
    assert server.get("/").status == 200
    answer = server.post("/", b"")
    assert answer.status == 502 and len(origin.heads) == 2


@pytest.mark.parametrize("answer, why", [
    (b"SSH-2.0-OpenSSH_9.2\r\n", "does not begin as HTTP/1.1"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "Transfer-Encoding beside Content-Length"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", "two Content-Length lines"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok", "Content-Length is no number"),
    (b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "a folded line"),
    (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "ends without CR"),
    (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "nobody asked for"),
    (b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n", "longer than head_limit"),
])
def test_what_is_no_answer(behind, answer, why):
    server, _ = behind(answer)
    assert server.get("/").status == 502
    server.wait_for_error(why)


def test_a_cut_answer_is_cut_for_the_client(behind):
    server, _ = behind(lambda *_: lambda connection, __: connection.sendall(OK[:-1].replace(b": 2", b": 9")))
    with server.connect() as connection:
        server.count()
        connection.send(request("GET", "/"))
        with pytest.raises(AssertionError):
            connection.read_answer()


def test_an_answer_that_ends_with_its_connection(behind):
    server, _ = behind(lambda *_: lambda connection, __: connection.sendall(b"HTTP/1.0 200 OK\r\nX-A: b\r\n\r\nall of it"))
    answer = server.get("/")
    assert (answer.status, answer.text, answer["X-A"]) == (200, "all of it", "b")


def test_interim_answers(behind):
    server, _ = behind(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK)
    with server.connect() as connection:
        server.count()
        connection.send(request("GET", "/"))
        hints = connection.read_head()
        assert (hints.status, hints["Link"]) == (103, "</a>")
        assert connection.read_answer().text == "ok"


def test_an_answer_before_the_body(behind):
    refusal = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig"
    server, origin = behind(refusal, "request_buffering = false")
    answer = server.post("/", b"x" * (8 << 20))
    assert (answer.status, answer.text) == (413, "big")
    server.get("/")
    assert origin.connections == 2, "the rest of the body would be taken for a request"


def test_a_body_passes_in_chunks_as_it_comes(behind):
    arrived = []

    def script(*_):
        def serve(connection, data):
            while not data.endswith(b"0\r\n\r\n"):
                arrived.append(data)
                data += connection.recv(65536)
            connection.sendall(OK)
        return serve

    server, origin = behind(script, "request_buffering = false")
    with server.connect() as connection:
        server.count()
        connection.send(request("POST", "/", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n")
        eventually("the first chunk is there", lambda: any(b"3\r\nabc" in each for each in arrived))
        connection.send(b"0\r\n\r\n")
        assert connection.read_answer().text == "ok"
    assert "Transfer-Encoding: chunked" in origin.heads[0]


def test_a_client_that_leaves_closes_the_connection(behind):
    closed = threading.Event()

    def script(*_):
        def serve(connection, _):
            connection.recv(1)
            closed.set()
        return serve

    server, origin = behind(script)
    with server.connect() as connection:
        server.count()
        connection.send(request("GET", "/"))
        eventually("it is asked", lambda: origin.heads)
        connection.reset()
    assert closed.wait(5)


def test_a_slow_origin_is_not_waited_for(behind):
    server, _ = behind(lambda *_: lambda connection, __: time.sleep(3), 'first_byte_timeout = "300ms"', "retries = 0")
    assert server.get("/").status == 504


def test_forwarded_by_another_proxy(behind):
    server, origin = behind(OK, 'forwarded = "append"')
    server.get("/", "X-Forwarded-For: 10.0.0.1", "X-Forwarded-Proto: https")
    assert "X-Forwarded-For: 10.0.0.1, 127.0.0.1" in origin.heads[0]
    assert "X-Forwarded-Proto: https" in origin.heads[0]


def test_variables_become_fields(behind):
    server, origin = behind(OK, 'environment = { HTTP_HOST = "inner.test", HTTP_X_KEY = "secret" }')
    server.get("/", "X-Key: guessed")
    assert "Host: inner.test" in origin.heads[0] and "X-Key: secret" in origin.heads[0]
    assert "guessed" not in origin.heads[0]


def test_an_upgrade_joins_both_connections(behind):
    def script(*_):
        def serve(connection, data):
            connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nhello")
            while piece := data or connection.recv(65536):
                connection.sendall(piece.upper())
                data = b""
            connection.sendall(b"bye")
        return serve

    server, _ = behind(script)
    with server.connect() as connection:
        server.count()
        connection.send(request("GET", "/", "Connection: upgrade", "Upgrade: echo") + b"early ")
        head = connection.read_head()
        assert (head.status, head["Upgrade"], head["Connection"]) == (101, "echo", "upgrade")
        assert connection.read_exactly(11) == b"helloEARLY "
        connection.send(b"more")
        assert connection.read_exactly(4) == b"MORE"
        connection.end_sending()
        assert connection.read_to_end() == b"bye", "what it says to the client's end"
    assert server.last_access()["status"] == 101


def test_an_upgrade_that_is_silent_for_too_long(behind):
    def script(*_):
        def serve(connection, _):
            connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n")
            connection.recv(1)
        return serve

    server, _ = behind(script, 'upgraded_idle_time = "500ms"')
    with server.connect() as connection:
        server.count()
        connection.send(request("GET", "/", "Connection: upgrade", "Upgrade: echo"))
        assert connection.read_head().status == 101
        assert connection.is_closed(3 * harness.SLOWNESS)


def test_health_is_asked_over_http(start):
    origin = Origin(lambda _, __, head: OK if head.startswith("GET /health") else b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n")
    try:
        start(CONFIGURATION.format(port=origin.port, lines='').replace(
            'health.interval = "0"', 'health = { path = "/health", interval = "100ms" }'))
        eventually("it is asked", lambda: any(head.startswith("GET /health HTTP/1.1\r\nHost: ") for head in origin.heads))
    finally:
        origin.close()
