# SPDX-License-Identifier: Apache-2.0
"""Farms: applications whose processes others run, with real php-fpm and programs on libfcgi under spawn-fcgi.

Peers stop answering and come back, are restarted under load, come and go by command; few processes are shared by many
clients and nobody is pinned. What is counted: requests that did not get 200.
"""

import itertools
import os
import signal
import socketserver
import struct
import threading
import time

import pytest

import control
import harness
from applications import Others, compiled, copied, owner_lines
from harness import SLOWNESS, needs
from load import Load
from processes import descendants_of, eventually, name_of

pytestmark = needs("/usr/sbin/php-fpm8.2", "spawn-fcgi", "/usr/include/fcgiapp.h")

CONFIGURATION = """
    [server]
    run_directory = "{place}/run"
    {user}
    [workers]
    threads = 2
    processes = {processes}
    [[route]]
    path = "/"
    app = "farm"
    [app.farm]
    type = "fastcgi"
    model = "remote"
    peers = [{peers}]
    {lines}
"""


class Farm:
    """A server before peers that the test runs."""

    def __init__(self, place, others, start):
        self.place, self.others, self.start = place, others, start
        self.sockets = others.sockets()
        self.program = compiled(place, "application")
        self.server = None

    def begin(self, *peers: str, lines: str = "", processes: int = 1):
        quoted = ", ".join(f'"{peer}"' for peer in peers)
        self.server = self.start(CONFIGURATION.format(place=self.place.path, user=owner_lines('user = "{0}"'),
                                                      peers=quoted, lines=lines, processes=processes))
        return self.server

    def path(self, name: str) -> str:
        return f"{self.sockets}/{name}"

    def unix(self, name: str) -> str:
        return f"unix:{self.path(name)}"

    def run(self, name: str, processes: int = 2):
        """Processes on libfcgi behind one socket; it accepts before the last of them has been started."""
        self.others.spawn_fcgi(name, self.path(name), self.program, processes)
        eventually(f"all of {name} run", lambda: len(self.processes_of(name)) == processes)

    def processes_of(self, name: str) -> list[int]:
        """Those that serve; spawn-fcgi, which started them, may be about to leave."""
        return [pid for pid in descendants_of(self.others.running[name].pid) if name_of(pid) == "application"]

    def replace(self, name: str, processes: int = 2):
        """What a deployment does to it: all its processes end, others come."""
        self.others.stop(name)
        if os.path.exists(self.path(name)):
            os.unlink(self.path(name))
        self.run(name, processes)

    def signal(self, name: str, number: int):
        """To all processes of a peer."""
        for pid in self.processes_of(name):
            os.kill(pid, number)

    def peers(self) -> dict[str, dict]:
        return {peer["address"]: peer for peer in control.app(self.server, "farm")["peers"]}

    def state(self, peer: str) -> str:
        return self.peers()[peer]["state"]

    def peer(self, change: str, address: str, code: int = 0):
        ended = control.command(self.server, "peer", "farm", change, address)
        assert ended.returncode == code, (ended.stdout, ended.stderr)
        return ended

    def answered_by(self) -> str:
        answer = self.server.get("/environment")
        assert answer.status == 200, answer
        return next(line for line in answer.text.splitlines() if line.startswith("PID="))


@pytest.fixture
def farm(start, place):
    with Others(place) as others:
        yield Farm(place, others, start)


def report(what: str, outcome):
    print(f"{what}: {outcome.sent} sent, {dict(outcome.statuses)}, lost {outcome.lost}, p50 "
          f"{outcome.percentile(0.5) * 1000:.1f} ms, p99 {outcome.percentile(0.99) * 1000:.1f} ms, longest "
          f"{outcome.percentile(1) * 1000:.0f} ms")


def check_books(farm: Farm):
    """Nobody works any more, and everybody's books say so."""
    eventually("all leases are back", lambda: sum(peer["busy"] for peer in farm.peers().values()) == 0, 5)
    assert control.app(farm.server, "farm")["queue"]["waiting"] == 0


# --- who gets it ------------------------------------------------------------------------------------------------------


def test_requests_are_shared_by_weight(farm):
    farm.run("one")
    farm.run("two")
    farm.begin(farm.unix("one") + " weight=3", farm.unix("two"), lines='balance = "round-robin"')
    for _ in range(40):
        assert farm.server.get("/").status == 200
    check_books(farm)
    requests = {address: peer["requests"] for address, peer in farm.peers().items()}
    assert requests == {farm.unix("one"): 30, farm.unix("two"): 10}


def test_the_same_cookie_goes_to_the_same_peer(farm):
    for name in ("one", "two", "three"):
        farm.run(name, 1)
    farm.begin(*(farm.unix(name) for name in ("one", "two", "three")),
               lines='balance = "hash"\nhash_key = "cookie:session"')
    by_session: dict[str, set[str]] = {}
    for number in range(36):
        session = f"s{number % 12}"
        answer = farm.server.get("/environment", f"Cookie: session={session}")
        assert answer.status == 200, answer
        by_session.setdefault(session, set()).add(answer.text.splitlines()[0])
    assert all(len(pids) == 1 for pids in by_session.values()), by_session
    assert len(set.union(*by_session.values())) > 1, "one peer got all of them"


def test_a_name_is_looked_up(farm):
    """localhost, which every machine knows; one of its addresses may be dead."""
    port = harness.free_port()
    farm.others.php_fpm("fpm", f"127.0.0.1:{port}")
    copied(farm.place, "application.php", "scripts/application.php")
    farm.begin(f"localhost:{port}", lines='root = "scripts"\nscripts = [".php"]')
    for _ in range(20):
        assert farm.server.get("/application.php/").status == 200
    assert f"127.0.0.1:{port}" in farm.peers()


# --- who does not answer ----------------------------------------------------------------------------------------------


def test_a_stopped_peer_is_avoided_and_comes_back_by_checks(farm):
    """SIGSTOP: its kernel accepts, nobody answers. At most so many requests meet it as it takes to be believed."""
    farm.run("one")
    farm.run("two")
    farm.begin(farm.unix("one"), farm.unix("two"), lines="""
    first_byte_timeout = "500ms"
    health = { path = "/status", status = 418, interval = "300ms", timeout = "200ms", fails = 2, slow_start = "1s" }""")
    first = farm.unix("one")
    with Load(farm.server, "/", threads=8, every=0.02) as load:
        time.sleep(0.5)
        farm.signal("one", signal.SIGSTOP)
        eventually("the stopped peer is down", lambda: farm.state(first) == "down", 5 * SLOWNESS)
        time.sleep(1)
        farm.signal("one", signal.SIGCONT)
        eventually("the peer is back", lambda: farm.state(first) != "down", 5 * SLOWNESS)
        before = farm.peers()[first]["requests"]
        eventually("it gets requests again", lambda: farm.peers()[first]["requests"] > before, 5)
    outcome = load.outcome
    report("a peer was stopped and came back", outcome)
    # A request without an answer is idempotent here and goes to the other; nobody waits longer than for one silence.
    assert outcome.statuses.keys() == {200} and outcome.lost == [], outcome.statuses
    assert outcome.percentile(1) < 3 * SLOWNESS
    check_books(farm)


def test_a_stopped_peer_without_a_question_stays_down_until_a_trial(farm):
    """Checks only connect, which proves nothing: one request in each back-off tries it."""
    farm.run("one", 1)
    farm.run("two", 1)
    farm.begin(farm.unix("one"), farm.unix("two"), lines="""
    first_byte_timeout = "200ms"
    health = { interval = "100ms", timeout = "100ms", fails = 1, back_off = "400ms", back_off_most = "400ms" }""")
    first = farm.unix("one")
    farm.signal("one", signal.SIGSTOP)
    with Load(farm.server, "/", threads=4, every=0.02) as load:
        time.sleep(2)
    report("a peer was silent for 2 s", load.outcome)
    assert load.outcome.statuses.keys() == {200} and load.outcome.lost == []
    met_it = sum(seconds > 0.2 for seconds in load.outcome.seconds)
    assert met_it <= (4 + 2 * 5) * SLOWNESS, "four clients before it was known, then one each back-off"
    farm.signal("one", signal.SIGCONT)

    def is_up():
        assert farm.server.get("/").status == 200
        return farm.state(first) != "down"

    eventually("the peer is back", is_up, 5, every=0.05)
    check_books(farm)


def test_all_peers_are_down(farm):
    """Said at once, with a time to come back; it heals by itself."""
    farm.begin(farm.unix("one"), lines='health = { interval = "200ms", back_off = "500ms", back_off_most = "500ms" }')
    statuses = [farm.server.get("/").status for _ in range(6)]
    assert set(statuses) <= {502, 503}, statuses
    eventually("the peer is down", lambda: farm.state(farm.unix("one")) == "down", 5)
    started = time.monotonic()
    answer = farm.server.get("/")
    assert answer.status == 503 and int(answer["Retry-After"]) >= 1, answer
    assert time.monotonic() - started < 0.5 * SLOWNESS
    farm.run("one")
    eventually("it is up", lambda: farm.state(farm.unix("one")) != "down", 5)
    assert farm.server.get("/").status == 200
    farm.server.wait_for_error(r"app farm: peer unix:.*/one is down: ")
    farm.server.wait_for_error(r"app farm: peer unix:.*/one is up again")


def test_one_bad_url_does_not_stop_a_farm(farm):
    """The only peer breaks off, dies of it or is too slow, again and again: every other request is answered."""
    farm.program = compiled(farm.place, "faulty", "-lfcgi")
    farm.others.spawn_fcgi("one", farm.path("one"), farm.program, 12)
    farm.begin(farm.unix("one"), lines=f'''first_byte_timeout = "{int(300 * SLOWNESS)}ms"
    health = {{ interval = "200ms", fails = 2 }}''')
    for bad, status in (("/close", 502), (f"/slow?{int(600 * SLOWNESS)}", 504), ("/die", 502)):
        for _ in range(2):
            for _ in range(3):
                assert farm.server.post(bad, b"").status == status, bad
            assert farm.server.get("/").status == 200, bad
            assert farm.state(farm.unix("one")) == "up"
    check_books(farm)


@pytest.mark.parametrize("peer, lines", [("{} concurrency=2", ""), ("{}", ""),
                                         ("{}", 'idle_connection_time = "60s"')], ids=["full", "unknown", "kept"])
def test_checks_do_not_take_a_busy_peer_down(farm, peer, lines):
    """Both processes work on long requests, or are held by idle connections, while several checks ask in vain."""
    farm.run("one", 2)
    farm.begin(peer.format(farm.unix("one")), lines=lines + '''
    health = { path = "/status", status = 418, interval = "100ms", timeout = "200ms", fails = 2 }''')
    clients = [threading.Thread(target=farm.server.get, args=("/slow?3000",)) for _ in range(0 if lines else 2)]
    for client in clients:
        client.start()
    if lines:  # two at once, so that both processes keep a connection
        with Load(farm.server, "/slow?20", threads=2, every=0.001):
            time.sleep(0.5)
    states = set()
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        states.add(farm.state(farm.unix("one")))
        time.sleep(0.05)
    assert states == {"up"}
    for client in clients:
        client.join()
    assert farm.server.get("/").status == 200
    check_books(farm)


class Declining(socketserver.ThreadingUnixStreamServer):
    """A peer that ends every third request with a status of FastCGI 5.5 instead of beginning it."""

    daemon_threads = True
    CANNOT_MULTIPLEX, OVERLOADED = 1, 2

    def __init__(self, path: str):
        super().__init__(path, self.Connection)
        os.chmod(path, 0o666)
        self.begun, self.declined = itertools.count(1), 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Connection(socketserver.StreamRequestHandler):
        def handle(self):
            while head := self.rfile.read(8):
                _, kind, request, length, padding, _ = struct.unpack("!BBHHBB", head)
                self.rfile.read(length + padding)
                if kind == 5 and length == 0:
                    self.answer(request, next(self.server.begun))

        def answer(self, request: int, number: int):
            status = 0
            if number % 3 == 0:
                status = Declining.CANNOT_MULTIPLEX if number % 2 else Declining.OVERLOADED
                self.server.declined += 1
            text = b"" if status else b"Content-Type: text/plain\r\n\r\nhello"
            self.wfile.write(self.record(6, request, text) + self.record(3, request, struct.pack("!LBxxx", 0, status)))

        @staticmethod
        def record(kind: int, request: int, content: bytes) -> bytes:
            return struct.pack("!BBHHBB", 1, kind, request, len(content), 0, 0) + content if content else b""


def test_who_declines_a_request_is_not_sick(farm):
    """Overloaded, or one at a time over a connection: sent again, and no failure of the only peer."""
    with Declining(farm.path("one")) as peer:
        farm.begin(farm.unix("one"), lines='multiplex = true\nhealth = { fails = 1, interval = "0" }')
        for _ in range(30):
            assert farm.server.post("/", b"").status == 200
        assert peer.declined >= 10
        app = control.app(farm.server, "farm")
        assert app["peers"][0]["state"] == "up" and app["peers"][0]["failures"] == 0
        assert app["retries"] == peer.declined
        check_books(farm)
        peer.shutdown()


# --- restarts and commands under load ---------------------------------------------------------------------------------


def test_back_ends_are_restarted_under_load(farm):
    """Kill and start, one peer after the other, again and again: no idempotent request fails."""
    for name in ("one", "two"):
        farm.run(name)
    farm.begin(farm.unix("one"), farm.unix("two"),
               lines='health = { interval = "200ms", back_off = "200ms", back_off_most = "200ms", slow_start = "0" }')
    with Load(farm.server, "/", threads=4, every=0.01) as load:
        for turn in range(6):
            name = ("one", "two")[turn % 2]
            other = ("two", "one")[turn % 2]
            farm.replace(name)
            eventually("it is up", lambda: farm.state(farm.unix(name)) != "down", 10)
            assert farm.state(farm.unix(other)) != "down"
            time.sleep(0.2)
    report("six restarts", load.outcome)
    assert load.outcome.statuses.keys() == {200} and load.outcome.lost == []
    check_books(farm)


def test_peers_are_changed_by_command_under_load(farm):
    """add, drain, restore, remove: no request fails, and each does what it says."""
    for name in ("one", "two"):
        farm.run(name)
    farm.begin(farm.unix("one"), lines='health = { slow_start = "1s" }')
    with Load(farm.server, "/slow?5", threads=4, every=0.01) as load:
        farm.peer("add", farm.unix("two") + " weight=2")
        eventually("the new peer works", lambda: farm.peers()[farm.unix("two")]["requests"] > 10)
        farm.peer("drain", farm.unix("one"))
        eventually("the drained one rests", lambda: farm.peers()[farm.unix("one")]["busy"] == 0)
        rested = farm.peers()[farm.unix("one")]["requests"]
        time.sleep(0.3)
        assert farm.peers()[farm.unix("one")] | {"requests": rested} == farm.peers()[farm.unix("one")]
        assert farm.state(farm.unix("one")) == "draining"
        farm.peer("restore", farm.unix("one"))
        eventually("the restored one works", lambda: farm.peers()[farm.unix("one")]["requests"] > rested)
        farm.peer("remove", farm.unix("two"))
        eventually("the removed one is forgotten", lambda: list(farm.peers()) == [farm.unix("one")])
    report("peers were changed", load.outcome)
    assert load.outcome.statuses.keys() == {200} and load.outcome.lost == []
    check_books(farm)
    assert "has no peer" in farm.peer("drain", "10.9.9.9:1", code=1).stderr


def test_orders_outlive_a_worker(farm):
    """Whatever is killed: who was drained is drained, who was added is there, in every worker; a new server forgets."""
    for name in ("one", "two"):
        farm.run(name)
    farm.begin(farm.unix("one"), processes=2)
    farm.peer("add", farm.unix("two"))
    farm.peer("drain", farm.unix("one"))
    for worker in control.status(farm.server)["workers"]:
        os.kill(worker["pid"], signal.SIGKILL)
        eventually("another worker has come", lambda: worker["pid"] not in
                   [each["pid"] for each in control.status(farm.server)["workers"]] and
                   len(control.status(farm.server)["workers"]) == 2)
        assert farm.state(farm.unix("one")) == "draining"
        assert farm.state(farm.unix("two")) in ("up", "slow start")
    for _ in range(10):
        assert farm.server.get("/").status == 200
    assert farm.peers()[farm.unix("one")]["requests"] == 0
    farm.peer("restore", farm.unix("one"))
    farm.peer("remove", farm.unix("two"))
    check_books(farm)


def test_a_mistake_in_an_order_is_said(farm):
    farm.run("one")
    port = harness.free_port()
    farm.begin(farm.unix("one"), f"localhost:{port}")
    address = eventually("the name is known", lambda: next((each for each in farm.peers() if each.endswith(f"1:{port}")), None))
    assert "it is one address of a name: drain it, or remove the name" in farm.peer("remove", address, code=1).stderr
    assert "it must be ADDRESS:PORT" in farm.peer("add", "9000", code=1).stderr


# --- many clients, few processes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("lines", ["", "keep_connections = 0", 'idle_connection_time = "60s"'])
def test_nobody_is_pinned(farm, lines):
    """More clients than processes, connections kept: an idle one never keeps a process from somebody else."""
    farm.run("one", 2)
    farm.begin(farm.unix("one"), lines=lines)
    slowest = []

    def client():
        with farm.server.connect() as connection:
            for _ in range(20):
                farm.server.count()
                started = time.monotonic()
                answer = connection.ask(harness.wire.request("GET", "/"))
                slowest.append(time.monotonic() - started)
                assert answer.status == 200

    threads = [threading.Thread(target=client) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    slowest.sort()
    print(f"{lines or 'defaults'}: {len(slowest)} answers, longest {slowest[-1] * 1000:.0f} ms")
    assert len(slowest) == 240
    assert slowest[-1] < 1.0 * SLOWNESS
    check_books(farm)


def test_a_farm_of_php_fpm(farm):
    """By socket and by TCP at once, each with three processes; concurrency says so, so nothing waits in the kernel."""
    port = harness.free_port()
    farm.others.php_fpm("socket", farm.path("fpm"))
    farm.others.php_fpm("tcp", f"127.0.0.1:{port}")
    copied(farm.place, "application.php", "scripts/application.php")
    farm.begin(f"unix:{farm.path('fpm')} concurrency=3", f"127.0.0.1:{port} concurrency=3",
               lines='root = "scripts"\nscripts = [".php"]')
    with Load(farm.server, "/application.php/slow?20", threads=24, every=0.001) as load:
        looks = []
        while len(looks) < 10:
            time.sleep(0.1)
            looks.append(control.app(farm.server, "farm"))
        assert all(peer["busy"] <= 3 for look in looks for peer in look["peers"])
        assert any(look["queue"]["waiting"] > 0 for look in looks)
    report("24 clients on 6 processes", load.outcome)
    assert load.outcome.statuses.keys() == {200} and load.outcome.lost == []
    requests = [peer["requests"] for peer in farm.peers().values()]
    assert min(requests) > 0.6 * max(requests), requests
    check_books(farm)
