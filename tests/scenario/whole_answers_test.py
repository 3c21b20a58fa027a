# SPDX-License-Identifier: Apache-2.0
"""Responses that are whole before their applications are done: the client's connection goes on, the application too.

HEAD, 204 and 304 end with their heads (RFC 9112 section 6.3), others with what their Content-Length announces.
"""

import time
from urllib.parse import quote

import pytest

from applications import owner_lines
from harness import SLOWNESS
from processes import eventually
from wire import request

# Says what its query says ("~" for 9000 octets), works on for two seconds, says more, and leaves a sign that it has come so far.
PROGRAM = """#!/usr/bin/python3
import os, pathlib, time
from urllib.parse import unquote_to_bytes

def work(query, say):
    say(unquote_to_bytes(query).replace(b"~", b"x" * 9000))
    time.sleep(2)
    for _ in range(4):
        say(b"more" * 8000)
    pathlib.Path(SIGNS, str(time.monotonic_ns())).touch()

SIGNS = "@SIGNS@"
"""
CGI = PROGRAM + """
work(os.environ["QUERY_STRING"], lambda text: os.write(1, text))
"""
FASTCGI = PROGRAM + """
import socket, struct

def serve(connection):
    def record():
        head = connection.recv(8, socket.MSG_WAITALL)
        if len(head) < 8:
            return None, b""
        kind, size, padding = struct.unpack("!xBxxHBx", head)
        return kind, connection.recv(size + padding, socket.MSG_WAITALL)[:size]
    def say(text):
        for at in range(0, len(text), 60000):
            piece = text[at:at + 60000]
            connection.sendall(struct.pack("!BBHHBB", 1, 6, 1, len(piece), 0, 0) + piece)
    parameters = b""
    while True:
        kind, content = record()
        if kind is None:
            return
        if kind == 9:
            connection.sendall(struct.pack("!BBHHBB", 1, 10, 0, 0, 0, 0))
        parameters += content if kind == 4 else b""
        if kind == 5 and not content:
            break
    query = parameters[parameters.index(b"QUERY_STRING") + len(b"QUERY_STRING"):]
    work(query[:query.index(b"@")], say)
    connection.sendall(struct.pack("!BBHHBBIB3x", 1, 3, 1, 8, 0, 0, 0, 0))

listener = socket.socket(fileno=0)
while True:
    connection, _ = listener.accept()
    with connection:
        serve(connection)
"""

CONFIGURATION = """
    {owner}
    [workers]
    threads = 1
    [[route]]
    path = "/cgi/"
    app = "cgi"
    [[route]]
    path = "/fastcgi/"
    app = "fastcgi"
    [[route]]
    path = "/page/"
    respond = 204
    [app.cgi]
    type = "cgi"
    model = "exec"
    program = "cgi.py"
    [app.fastcgi]
    type = "fastcgi"
    model = "pool"
    program = "fastcgi.py"
    multiplex = false
    instances = {{ min = 2, max = 2 }}
"""

TYPE = "Content-Type: text/plain\r\n"
CASES = {
    # name: (method, what the application says, status, Content-Length)
    "not-modified": ("GET", "Status: 304\r\nContent-Length: 90\r\n\r\n", 304, "90"),
    "no-content": ("GET", "Status: 204\r\nContent-Length: 90\r\n\r\n", 204, None),
    "head": ("HEAD", f"{TYPE}Content-Length: 20000\r\n\r\n", 200, "20000"),
    "head-of-nothing-known": ("HEAD", f"{TYPE}\r\n", 200, None),
    "head-with-content": ("HEAD", f"{TYPE}\r\n~", 200, None),
    "head-of-an-error": ("HEAD", f"Status: 404\r\n{TYPE}\r\n", 404, None),
    "small": ("GET", f"{TYPE}Content-Length: 5\r\n\r\nhello", 200, "5"),
    "empty": ("GET", f"{TYPE}Content-Length: 0\r\n\r\n", 200, "0"),
    "large": ("GET", f"{TYPE}Content-Length: 9000\r\n\r\n~", 200, "9000"),
}


@pytest.fixture(scope="module")
def signs(shared):
    return shared.place.directory("signs", 0o777)


@pytest.fixture(scope="module")
def server(shared, signs):
    for name, text in (("cgi.py", CGI), ("fastcgi.py", FASTCGI)):
        shared.place.file(name, text.replace("@SIGNS@", str(signs)).encode(), 0o755)
    return shared(CONFIGURATION.format(owner=owner_lines('[server]\n    user = "{0}"')))


@pytest.mark.parametrize("app", ["cgi", "fastcgi"])
@pytest.mark.parametrize("name", CASES)
def test_the_connection_goes_on_and_the_application_too(server, signs, app, name):
    method, text, status, length = CASES[name]
    target = f"/{app}/?{quote(text, safe='')}" + ("@" if app == "fastcgi" else "")
    before = len(list(signs.iterdir()))
    with server.connect() as connection:
        server.count(2)
        started = time.monotonic()
        connection.send(request(method, target))
        answer = connection.read_answer(method)
        assert (answer.status, answer.get("Content-Length")) == (status, length)
        if status == 404 or method == "GET" and status == 200:
            assert answer.get("Content-Type") == "text/plain", "it is the application's own"
        connection.send(request("GET", "/page/"))
        assert connection.read_answer().status == 204
        assert time.monotonic() - started < 1 * SLOWNESS
    eventually("it has come to its end", lambda: len(list(signs.iterdir())) > before, 5 * SLOWNESS)
