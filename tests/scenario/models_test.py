# SPDX-License-Identifier: Apache-2.0
"""Every row of the concurrency table serves the same: DESIGN section 2, on one connection story."""

import os
import signal
import socket
import subprocess
import threading
import time

import pytest

import harness
import wire
from harness import SLOWNESS, Server, needs
from load import Load
from processes import descendants_of, eventually, is_alive
from wire import request

SITE = """
    [[route]]
    path = "/cgi-bin/"
    app = "programs"
    [[route]]
    files = "site"
    [app.programs]
    root = "cgi-bin"
"""

MODELS = {
    "event driven": "processes = 1\n    threads = 2",
    "prefork": "processes = 4\n    threads = 1\n    connections = 1",
    "thread pool": "processes = 1\n    threads = 6\n    connections = 1",
    "threads in several processes": "processes = 2\n    threads = 3\n    connections = 1",
    "hybrid": "processes = 2\n    threads = 2\n    connections = 1000",
    "process per connection": 'start = "per-connection"\n    processes = 20',
}


def furnish(place):
    place.file("site/index.html", "home")
    place.file("site/large.bin", b"0123456789" * 300_000)
    place.script("echo", r"printf 'Content-Type: text/plain\n\n'; exec cat")
    place.script("sleep", r"sleep 1; printf 'Content-Type: text/plain\n\nslept'")


def serves(server):
    """The small set of tests that every model passes."""
    with server.connect() as connection:
        server.count(4)
        assert connection.ask(request("GET", "/")).text == "home"
        assert len(connection.ask(request("GET", "/large.bin")).body) == 3_000_000
        assert connection.ask(request("GET", "/none")).status == 404
        answer = connection.ask(request("POST", "/cgi-bin/echo", body=b"x" * 200_000))
        assert answer.body == b"x" * 200_000
    with server.connect() as connection:
        server.count(3)
        connection.send(request("GET", "/") * 2 + request("GET", "/", "Connection: close"))
        assert [connection.read_answer().text for _ in range(3)] == ["home"] * 3
        assert connection.is_closed()
    with server.connect() as connection:
        server.count()
        connection.send(b"nonsense\r\n\r\n")
        assert connection.read_answer().status == 400


@pytest.mark.parametrize("name", MODELS)
def test_model_serves(start, place, name):
    furnish(place)
    server = start(SITE + "    [workers]\n    " + MODELS[name])
    for _ in range(2):
        serves(server)
    with Load(server, ["/", "/cgi-bin/echo"], threads=4, every=0.01) as load:
        time.sleep(0.5)
    assert load.outcome.lost == [] and load.outcome.statuses.keys() == {200}


@pytest.mark.parametrize("name", MODELS)
def test_model_stops_gracefully(start, place, name):
    furnish(place)
    server = start(SITE + "    [workers]\n    " + MODELS[name])
    connection = server.connect()
    server.count()
    connection.send(request("GET", "/cgi-bin/sleep"))
    time.sleep(0.3)
    server.send_signal(signal.SIGTERM)
    assert connection.read_answer().text == "slept"
    assert server.wait() == 0


@pytest.mark.parametrize("name", MODELS)
def test_worker_of_the_model_is_replaced(start, place, name):
    furnish(place)
    server = start(SITE + "    [workers]\n    " + MODELS[name])
    with server.connect() as connection:
        server.count()
        assert connection.ask(request("GET", "/")).text == "home"
        for pid in server.processes("worker"):
            os.kill(pid, signal.SIGKILL)
        assert connection.is_closed()
    server.unlogged = 1
    assert server.get("/").text == "home"


@pytest.mark.parametrize("name", ["prefork", "thread pool"])
def test_idle_connections_give_way(start, place, name):
    """One connection at a time in each loop: kept ones are closed when others wait."""
    furnish(place)
    server = start(SITE + "    [workers]\n    " + MODELS[name])
    kept = [server.connect() for _ in range(12)]
    server.count(12)
    for connection in kept:
        connection.send(request("GET", "/"))
    assert [connection.read_answer().text for connection in kept] == ["home"] * 12
    assert server.get("/").text == "home"
    for connection in kept:
        connection.close()


def test_process_per_connection_has_a_limit(start, place):
    """Beyond `processes` connections wait to be accepted; none is refused."""
    furnish(place)
    server = start(SITE + '    [workers]\n    start = "per-connection"\n    processes = 3')
    answers = []

    def one():
        answers.append(server.get("/cgi-bin/sleep", "Connection: close").text)

    threads = [threading.Thread(target=one) for _ in range(6)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    time.sleep(0.6)
    assert len(server.processes("worker")) <= 4
    for thread in threads:
        thread.join(20)
    assert answers == ["slept"] * 6
    assert 1.9 < time.monotonic() - started < 6 * SLOWNESS


# --- started by another program, the connection on descriptor 0 ---------------------------------------------------------

class Foreign(Server):
    """A server whose listening is another program's affair."""

    def launch(self, arguments, environment, user, program, pass_fds):
        self.output = open(self.output_path, "ab")
        return subprocess.Popen(program, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output,
                                start_new_session=True, cwd=self.place.path)

    def __init__(self, place, program_for):
        port = harness.free_port()
        self.program_for = program_for
        furnish(place)
        text = f'[log]\naccess = "{place / "inetd.access.log"}"\naccess_format = "json"\nerror = "{place / "inetd.error.log"}"\n'
        place.file("inetd.toml", text + "\n".join(line.strip() for line in SITE.splitlines()))
        super().__init__(place, program=program_for(port, str(place / "inetd.toml")), port=port, listener="")
        self.access_path = place / "inetd.access.log"
        self.expect_status = None


@pytest.fixture
def foreign(place, program):
    servers = []

    def begin(program_for):
        server = Foreign(place, program_for)
        Server.living.add(server)
        servers.append(server)
        return server

    yield begin
    for server in servers:
        everybody = [pid for pid in descendants_of(server.pid) if is_alive(pid)]
        eventually("connections have ended", lambda: not [pid for pid in everybody if is_alive(pid)], 10)
        server.finish()


def serves_as_inetd(server):
    serves(server)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(server.get("/").text)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert answers == ["home"] * 5


@needs("/usr/sbin/inetd")
def test_inetd(foreign, place):
    """openbsd-inetd in the foreground, with a configuration of its own."""
    if not harness.IS_ROOT:
        pytest.skip("needs root: inetd sets the user of what it starts")

    def words(port: int, configuration: str) -> list[str]:
        place.file("inetd.conf", f"127.0.0.1:{port} stream tcp nowait root {harness.PROGRAM} remuda serve --inetd -c "
                                 f"{configuration}\n")
        return ["/usr/sbin/inetd", "-i", "-d", str(place / "inetd.conf")]

    serves_as_inetd(foreign(words))


@needs("systemd-socket-activate")
def test_systemd_accept(foreign):
    """Accept=yes: systemd accepts, and starts a server for each connection."""
    serves_as_inetd(foreign(lambda port, configuration: [
        "systemd-socket-activate", f"--listen=127.0.0.1:{port}", "--accept", "--inetd", "-E", "PATH", harness.PROGRAM,
        "serve", "--inetd", "-c", configuration]))


def test_connection_on_descriptor_0(place, program):
    """Whoever starts it: a connection comes on standard input, the answer goes there, and then it ends."""
    furnish(place)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        server = subprocess.Popen([harness.PROGRAM, "serve", "--inetd", str(place / "site")], stdin=theirs,
                                  stdout=theirs, stderr=subprocess.PIPE)
        theirs.close()
        ours.settimeout(10)
        ours.sendall(request("GET", "/", "Connection: close"))
        whole = b""
        while piece := ours.recv(65536):
            whole += piece
        assert server.wait(10) == 0, server.stderr.read()
        said = server.stderr.read()
        server.stderr.close()
    assert whole.startswith(b"HTTP/1.1 200 ") and whole.endswith(b"home"), (whole, said)
    assert wire.STATUS_LINE.match(whole.split(b"\r\n")[0])
