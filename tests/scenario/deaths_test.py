# SPDX-License-Identifier: Apache-2.0
"""Processes that are killed under load: what that costs, and how soon it is over.

Done when / section 6: a killed worker costs the requests in flight in it and is replaced within 100 ms on the same
sockets; a killed spawner costs no connection; a killed supervisor leaves nobody behind.
"""

import os
import signal
import time

import pytest

from harness import FILES_AND_PROGRAMS, SLOWNESS, Server, is_listening
from load import Load
from processes import descendants_of, eventually, is_alive, title_of
from wire import request

@pytest.fixture
def server(start, place):
    place.file("site/index.html", "home")
    place.script("quick", r"printf 'Content-Type: text/plain\n\nquick'")
    place.script("long", r"sleep 1; printf 'Content-Type: text/plain\n\nlong'")
    place.script("sleeper", "exec sleep 71")
    return start(FILES_AND_PROGRAMS)


def replacement(server: Server, role: str, old: int) -> tuple[int, float]:
    """The new process of that role, and the seconds until it was seen."""
    started = time.monotonic()
    new = eventually(f"there is another {role}", lambda: [pid for pid in server.processes(role) if pid != old],
                     every=0.001)[0]
    return new, time.monotonic() - started


def test_worker_is_killed_under_load(server):
    """Only requests in flight are lost; connections wait on the same sockets meanwhile."""
    old = server.worker()
    with Load(server, "/", threads=4, every=0.004) as load:
        time.sleep(0.5)
        killed = time.monotonic()
        os.kill(old, signal.SIGKILL)
        with server.connect() as connection:  # the listen queue was not lost
            server.count()
            assert connection.ask(request("GET", "/")).text == "home"
        back = time.monotonic() - killed
        new, seen = replacement(server, "worker", old)
        time.sleep(0.7)
    outcome = load.outcome
    server.unlogged = len(outcome.lost) + int(0.3 / 0.004 * 4)  # lines of the last moments died with the worker
    print(f"answered again after {back * 1000:.1f} ms; lost {len(outcome.lost)} of {outcome.sent}; {outcome.lost}")
    assert back < 0.1 * SLOWNESS
    assert new != old
    assert outcome.refused == []
    assert len(outcome.lost) <= 4, "more than one request in flight on each connection"
    assert outcome.statuses.keys() == {200}
    server.wait_for_error("worker.*(killed|signal|SIGKILL)")


def test_programs_of_a_killed_worker_end(server):
    """Nobody waits for their answer any more."""
    connection = server.connect()
    server.count()
    connection.send(request("GET", "/cgi-bin/sleeper"))
    eventually("the program runs", lambda: sleepers(server))
    server.unlogged = 1
    os.kill(server.worker(), signal.SIGKILL)
    assert connection.is_closed()
    eventually("the program has ended", lambda: not sleepers(server), 5)


def sleepers(server) -> list[int]:
    return [pid for pid in descendants_of(os.getpid())
            if is_alive(pid) and title_of(pid) == "sleep 71"]


def test_worker_that_is_killed_again_and_again(server):
    """Four times in a row: the service comes back each time, though not at once when it dies at once."""
    for _ in range(4):
        os.kill(server.worker(), signal.SIGKILL)
        eventually("it answers", lambda: answers(server), 10)
    server.unlogged = server.sent


def answers(server) -> bool:
    try:
        return server.get("/").status == 200
    except (OSError, AssertionError):
        return False


def test_spawner_is_killed_under_load(server):
    """No connection is lost, and what has not begun is started by the next spawner. A program that runs, runs on."""
    old = server.spawner()
    running = server.connect()
    server.count()
    running.send(request("GET", "/cgi-bin/long"))
    with Load(server, ["/", "/cgi-bin/quick"], threads=3, every=0.01) as load:
        time.sleep(0.4)
        os.kill(old, signal.SIGKILL)
        new, seen = replacement(server, "spawner", old)
        time.sleep(0.6)
    outcome = load.outcome
    print(f"another spawner after {seen * 1000:.1f} ms; {outcome.statuses}; lost {outcome.lost}")
    assert seen < 0.1 * SLOWNESS
    assert outcome.lost == [] and outcome.refused == []
    failed = sum(count for status, count in outcome.statuses.items() if status != 200)
    assert set(outcome.statuses) <= {200, 502, 503} and failed <= 3
    assert running.read_answer().text == "long"
    running.close()
    assert server.get("/cgi-bin/quick").text == "quick"
    server.wait_for_error("spawner.*(killed|signal|SIGKILL|ended)")


def test_supervisor_is_killed(server, start, place):
    """No process is left after 5 s, and the port can be taken at once."""
    connection = server.connect()
    server.count()
    server.unlogged = server.sent + 1
    connection.send(request("GET", "/cgi-bin/sleeper"))
    eventually("the program runs", lambda: sleepers(server))
    family = descendants_of(server.pid)
    assert len(family) >= 3
    server.expect_status = -signal.SIGKILL
    os.kill(server.pid, signal.SIGKILL)
    server.wait()
    eventually("everybody has gone", lambda: not [pid for pid in family if is_alive(pid)], 5)
    connection.close()
    assert not is_listening(server.port)
    again = start(FILES_AND_PROGRAMS, port=server.port)
    assert again.get("/").text == "home"


def test_program_is_killed_by_somebody(server):
    """That request gets a clear answer; others are not touched."""
    with server.connect() as connection, Load(server, "/", threads=2, every=0.01) as load:
        server.count()
        connection.send(request("GET", "/cgi-bin/sleeper"))
        for pid in eventually("the program runs", lambda: sleepers(server)):
            os.kill(pid, signal.SIGKILL)
        assert connection.read_answer().status in (500, 502)
    assert load.outcome.lost == []
