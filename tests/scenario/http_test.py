# SPDX-License-Identifier: Apache-2.0
"""Applications with an HTTP server of their own, as they are: Express, uvicorn, gunicorn, Python's http.server.

Under the pool, by each way to listen; what a proxy must do is in proxy_test.py.
"""

import asyncio
import json
import os
import time

import pytest

from applications import copied, owner_lines
from browser import Browser
from harness import needs
from processes import eventually
from wire import chunked, request

MEBIBYTE = 1 << 20
NAMES = ["express", "uvicorn", "uvicorn-socket", "uvicorn-port", "gunicorn"]
EVERY = pytest.mark.parametrize("name", NAMES)
WITH_SOCKETS = pytest.mark.parametrize("name", ["express", "uvicorn", "uvicorn-socket", "uvicorn-port"])

pytestmark = needs("node", "/usr/share/nodejs/express", "/usr/share/nodejs/ws", "uvicorn", "gunicorn",
                   "/usr/lib/python3/dist-packages/websockets")

CONFIGURATION = """
    [server]
    run_directory = "{place}/run"
    {owner}
    {routes}
    [app.express]
    type = "http"
    program = "express_app.js"
    environment = {{ NODE_PATH = "/usr/share/nodejs" }}
    [app.uvicorn]
    type = "http"
    program = "/usr/bin/uvicorn"
    arguments = ["--fd", "0", "asgi_app:app"]
    directory = "."
    [app.uvicorn-socket]
    type = "http"
    listen = "socket"
    program = "/usr/bin/uvicorn"
    arguments = ["--uds", "{{socket}}", "asgi_app:app"]
    directory = "."
    [app.uvicorn-port]
    type = "http"
    listen = "port"
    program = "/usr/bin/uvicorn"
    arguments = ["--port", "{{port}}", "asgi_app:app"]
    directory = "."
    [app.gunicorn]
    type = "http"
    program = "/usr/bin/gunicorn"
    arguments = ["--bind", "fd://0", "--workers", "1", "--threads", "8", "wsgi_echo:app"]
    directory = "."
    [app.files]
    type = "http"
    listen = "port"
    program = "/usr/bin/python3"
    arguments = ["-m", "http.server", "{{port}}", "--bind", "127.0.0.1"]
    directory = "public"
"""


@pytest.fixture(scope="module")
def server(shared):
    place = shared.place
    place.path.chmod(0o777)  # the server's user makes its run directory there
    for name in ("express_app.js", "asgi_app.py", "wsgi_echo.py"):
        copied(place, name, name)
    place.file("public/page.txt", "a page\n")
    routes = "\n    ".join(f'[[route]]\n    host = "{name}.test"\n    app = "{name}"' for name in [*NAMES, "files"])
    return shared(CONFIGURATION.format(place=place.path, owner=owner_lines('user = "{0}"'), routes=routes))


def ask(server, name: str, method: str, target: str, *lines: str, body: bytes | None = None) -> dict:
    answer = server.ask(request(method, target, *lines, body=body, host=f"{name}.test"))
    assert answer.status == 200, (answer, server.errors()[-3000:])
    return json.loads(answer.text)


@EVERY
def test_request(server, name):
    told = ask(server, name, "GET", "/a%2Fb/./c?d=%20e", "X-Some: thing", "X-Forwarded-For: 6.6.6.6", "TE: trailers")
    headers = told["headers"]
    assert told["url"] == ("/a%2Fb/./c" if name.startswith("uvicorn") else "/a%2Fb/./c?d=%20e")
    assert headers["host"] == f"{name}.test" and headers["x-some"] == "thing" and "te" not in headers
    assert headers["x-forwarded-for"] == "127.0.0.1" and headers["x-forwarded-proto"] == "http"


@EVERY
def test_body(server, name):
    assert ask(server, name, "POST", "/", body=b"x" * (3 * MEBIBYTE))["size"] == 3 * MEBIBYTE
    data = request("POST", "/", "Transfer-Encoding: chunked", host=f"{name}.test") + chunked(b"abc", b"d" * 5000)
    assert json.loads(server.ask(data).text)["size"] == 5003


@EVERY
def test_connections_are_kept(server, name):
    with server.connect() as connection:
        for _ in range(20):
            server.count()
            assert connection.ask(request("GET", "/", host=f"{name}.test")).status == 200
    answer = server.ask(request("HEAD", "/", host=f"{name}.test"))
    assert answer.status == 200


def test_lifespan(server):
    assert ask(server, "uvicorn", "GET", "/")["started"]


def test_what_express_adds(server):
    told = ask(server, "express", "GET", "/")
    assert told["ip"] == "127.0.0.1" and told["protocol"] == "http"
    refused = server.ask(request("GET", "/refused", host="express.test"))
    assert (refused.status, refused["X-Why"], refused.text) == (404, "because", "no")
    assert server.ask(request("GET", "/cookies", host="express.test")).all("Set-Cookie") == ["a=1", "b=2"]
    assert "listening on 3000" in server.errors()


def test_events_come_one_by_one(server):
    with server.connect() as connection:
        server.count()
        connection.send(request("GET", "/events", host="express.test"))
        began = time.monotonic()
        connection.read_until(b"data: 0\n\n")
        first = time.monotonic() - began
        connection.read_until(b"data: 2\n\n")
        assert time.monotonic() - began > first + 0.3, "they came together"


def test_files_of_http_server(server):
    assert server.ask(request("GET", "/page.txt", host="files.test")).text == "a page\n"


# --- WebSockets -----------------------------------------------------------------------------------------------------


def talk(server, name: str, story):
    import websockets

    async def run():
        url = f"ws://{name}.test:{server.port}/socket"
        async with websockets.connect(url, host="127.0.0.1", port=server.port, max_size=None, compression=None) as socket:
            return await story(socket)

    server.count()
    return asyncio.run(run())


@WITH_SOCKETS
def test_websocket(server, name):
    async def story(socket):
        for _ in range(100):
            await socket.send("HELLO")
            assert await socket.recv() == "HELLO"
        await socket.send("X" * MEBIBYTE)
        assert len(await socket.recv()) == MEBIBYTE

    talk(server, name, story)
    eventually("what it carried is in the access log", lambda: any(
        line["status"] == 101 and min(line["received"], line["content"]) > MEBIBYTE for line in server.access()))


def test_websocket_that_the_application_closes(server):
    import websockets

    async def story(socket):
        await socket.send(os.urandom(1000))
        assert len(await socket.recv()) == 1000
        await socket.send("close")
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await socket.recv()
        return closed.value

    closed = talk(server, "express", story)
    assert (closed.code, closed.reason) == (4001, "asked for")


@needs("chromium", "chromedriver")
def test_websocket_of_a_browser(start, place):
    place.path.chmod(0o777)
    copied(place, "express_app.js", "express_app.js")
    place.directory("public")
    server = start(CONFIGURATION.format(place=place.path, owner=owner_lines('user = "{0}"'),
                                        routes='[[route]]\n    app = "express"'), access="off")
    with Browser(place) as browser:
        browser.open(server.url + "/page")
        eventually("the page has heard of it", lambda: browser.run("return document.title") == "from the browser", 20)
