# SPDX-License-Identifier: Apache-2.0
"""How the server ends: gracefully, at once, twice told, in the middle of a start; and how logs are reopened."""

import os
import signal
import threading
import time

import pytest

from harness import FILES_AND_PROGRAMS, SLOWNESS
from load import Load
from processes import eventually, is_alive
from wire import request

CONFIGURATION = """
    [server]
    grace = "3s"
""" + FILES_AND_PROGRAMS


@pytest.fixture
def server(start, place):
    place.file("site/index.html", "home")
    place.script("slow", r": >started; sleep 0.8; printf 'Content-Type: text/plain\n\nslow'")
    place.script("longer", r": >started; exec sleep 30")
    return start(CONFIGURATION)


def begin(server, target: str):
    """A request to a program that runs now."""
    connection = server.connect()
    server.count()
    connection.send(request("GET", target))
    eventually("the program has started", (server.place / "cgi-bin/started").exists)
    return connection


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_graceful_stop(server, number):
    """What is in flight is answered, idle connections are closed, new ones are refused, exit status 0."""
    idle = server.connect()
    server.count()
    assert idle.ask(request("GET", "/")).status == 200
    busy = begin(server, "/cgi-bin/slow")
    started = time.monotonic()
    server.send_signal(number)
    assert idle.is_closed()
    answer = busy.read_answer()
    assert answer.text == "slow" and busy.is_closed()
    assert server.wait() == 0
    assert time.monotonic() - started < 3 * SLOWNESS
    with pytest.raises(ConnectionRefusedError):
        server.connect()


def test_graceful_stop_has_a_limit(server):
    busy = begin(server, "/cgi-bin/longer")
    started = time.monotonic()
    server.send_signal(signal.SIGTERM)
    status = server.wait()
    took = time.monotonic() - started
    assert 2.5 < took < 6 * SLOWNESS
    server.expect_status = status
    assert busy.is_closed()


def test_sigint_stops_at_once(server):
    busy = begin(server, "/cgi-bin/longer")
    started = time.monotonic()
    server.send_signal(signal.SIGINT)
    server.expect_status = server.wait()
    assert time.monotonic() - started < 1.5 * SLOWNESS
    assert server.expect_status in (0, 130, -signal.SIGINT)
    assert busy.is_closed()


def test_second_signal_stops_at_once(server):
    begin(server, "/cgi-bin/longer")
    server.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    assert server.process.poll() is None
    started = time.monotonic()
    server.send_signal(signal.SIGTERM)
    server.expect_status = server.wait()
    assert time.monotonic() - started < 1.5 * SLOWNESS


def test_stop_under_load_loses_no_request(server):
    """Connections that were accepted are served: every client sees a whole answer, or no connection at all."""
    with Load(server, ["/", "/cgi-bin/quick"], threads=4, every=0.003, keep=False) as load:
        server.place.script("quick", r"printf 'Content-Type: text/plain\n\nquick'")
        time.sleep(0.5)
        server.send_signal(signal.SIGTERM)
        assert server.wait() == 0
    print(load.outcome.lost, load.outcome.statuses)
    resets = [lost for lost in load.outcome.lost if "Reset" in lost or "Closed" in lost or "Broken" in lost]
    assert load.outcome.lost == resets
    assert len(resets) <= 2, "more than what arrived in the moment in which the listening socket was closed"
    server.unlogged = len(resets)


def test_stop_during_spawn(server):
    """Programs that are being started when the signal comes are answered or ended; nobody is left."""
    connections = []
    for _ in range(20):
        connection = server.connect()
        connection.send(request("GET", "/cgi-bin/slow"))
        connections.append(connection)
    server.count(20)
    server.send_signal(signal.SIGTERM)
    for connection in connections:
        try:
            assert connection.read_answer().status in (200, 503)
        except (AssertionError, OSError):
            pass
    server.unlogged = 20
    assert server.wait() == 0


def test_stop_right_after_the_start(start, place):
    """A signal that comes before anything is ready ends it as well."""
    place.file("site/index.html", "home")
    place.directory("cgi-bin")
    for delay in (0.0, 0.01, 0.03, 0.1):
        server = start(CONFIGURATION, wait=False)
        time.sleep(delay)
        server.send_signal(signal.SIGTERM)
        server.expect_status = status = server.wait()
        assert status in (0, -signal.SIGTERM)


def test_logs_are_reopened(start, place):
    """SIGUSR1 under load: not a line is lost, old and new file together have them all."""
    place.file("site/index.html", "home")
    errors = place / "error.log"
    server = start(f"""
        [log]
        access = "{place / "access.log"}"
        access_format = "json"
        error = "{errors}"
        [[route]]
        files = "site"
    """)
    with Load(server, "/", threads=3, every=0.003) as load:
        for turn in range(5):
            time.sleep(0.15)
            os.rename(place / "access.log", place / f"access.log.{turn}")
            os.rename(errors, place / f"error.log.{turn}")
            server.send_signal(signal.SIGUSR1)
            eventually("the log is there again", (place / "access.log").exists)
            eventually("the error log is there again", errors.exists)
    assert load.outcome.lost == [] and load.outcome.statuses.keys() == {200}
    server.counting = False
    assert server.stop() == 0
    lines = [line for path in place.path.glob("access.log*") for line in path.read_text().splitlines()]
    assert len(lines) == load.outcome.sent
    assert all((place / f"access.log.{turn}").read_text() for turn in range(1, 5)), "written to the old one only"


def test_full_disk_loses_log_lines_and_no_request(start, place):
    """The service goes on; what was lost is counted in the error log."""
    place.file("site/index.html", "home")
    server = start('[[route]]\nfiles = "site"\n[log]\naccess = "/dev/full"\naccess_format = "json"\nerror = "stderr"')
    server.counting = False
    for _ in range(200):
        assert server.get("/").status == 200
    server.wait_for_error(r"(?i)log.*(space|ENOSPC|cannot|lost|full)")
    assert server.stop() == 0
    assert any(word in server.errors() for word in ("200 lines", "lines", "lost"))


def test_reader_of_the_log_goes_away(start, place):
    """A pipe that nobody reads, then nobody has: neither blocks a request."""
    place.file("site/index.html", "home")
    fifo = place / "access.fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    server = start(f'[[route]]\nfiles = "site"\n[log]\naccess = "{fifo}"\naccess_format = "json"\nerror = "stderr"')
    server.counting = False
    with Load(server, "/", threads=4, every=0.0005) as load:
        time.sleep(1)
        os.close(reader)
        time.sleep(0.5)
    assert load.outcome.lost == [] and load.outcome.percentile(0.99) < 0.5 * SLOWNESS
    assert is_alive(server.pid)
    started = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - started < 5 * SLOWNESS


def test_sigterm_to_everybody(server):
    """A terminal or systemd signals the whole group: the supervisor decides all the same."""
    busy = begin(server, "/cgi-bin/slow")
    everybody = [server.pid, *server.processes("worker"), *server.processes("spawner")]
    for pid in everybody:
        os.kill(pid, signal.SIGTERM)
    assert busy.read_answer().text == "slow"
    assert server.wait() == 0


def test_many_clients_at_the_stop(server):
    """Fifty in flight at SIGTERM: fifty answers."""
    statuses = []

    def one():
        statuses.append(server.get("/cgi-bin/slow").status)

    threads = [threading.Thread(target=one) for _ in range(50)]
    for thread in threads:
        thread.start()
    eventually("the first has started", (server.place / "cgi-bin/started").exists)
    time.sleep(0.2)
    server.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join(30)
    assert statuses == [200] * 50
