# SPDX-License-Identifier: Apache-2.0
"""Programs written with remuda_app.h under nginx, lighttpd and httpd, and as CGI programs under Remuda."""

import os
import threading
import zlib

import pytest
from servers import SERVERS


@pytest.fixture(params=SERVERS)
def server(request, place, examples, application):
    """server(program): a server of each kind in front of it."""
    peers = []

    def begin(program: str):
        peers.append(SERVERS[request.param](place, examples, program, application))
        return peers[-1]

    yield begin
    for peer in peers:
        peer.finish()


def test_a_request_and_its_variables(server):
    status, content = server("responder").ask("/some/where?a=b")
    assert status == 200
    assert b"\nQUERY_STRING=a=b\n" in b"\n" + content and b"REQUEST_METHOD=GET\n" in content


def test_one_after_the_other_and_at_once(server):
    peer = server("responder")
    for number in range(50):
        assert b"QUERY_STRING=%d\n" % number in peer.ask(f"/?{number}")[1]
    found = []
    clients = [threading.Thread(target=lambda: found.extend(peer.ask("/?x")[0] for _ in range(20))) for _ in range(10)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert found == [200] * 200


def test_a_long_body(server):
    body = os.urandom(100_000_000)
    status, content = server("checksum").ask("/", body)
    assert status == 200 and content == b"%d %d" % (len(body), zlib.adler32(body))


def test_a_long_answer(server):
    status, content = server("stream").ask("/?bytes=100000000")
    assert status == 200 and len(content) == 100_000_000 and content[:52] == content[26:78]


def test_as_cgi_program_under_remuda(start, place, examples):
    server = start(f"""
        [[route]]
        path = "/responder"
        app = "responder"
        [[route]]
        path = "/stream"
        app = "stream"
        [app.responder]
        type = "cgi"
        model = "exec"
        program = "{examples}/responder"
        [app.stream]
        type = "cgi"
        model = "exec"
        program = "{examples}/stream"
    """)
    assert b"QUERY_STRING=a=b\n" in server.get("/responder?a=b").body
    body = os.urandom(1_000_000)
    assert server.post("/responder", body).body == body
    assert len(server.get("/stream?bytes=1000000").body) == 1_000_000
