# SPDX-License-Identifier: Apache-2.0
"""Many requests on one connection to one process: a client that reads slowly is nobody else's concern.

Fifty at once in a single instance that multiplexes; one of them is 100 MB for a client that takes 1 MB a second. The
others, which take a tenth of a second each, are as quick as without it, and the worker's memory stays as it is.
"""

import os
import re
import threading
import time
from pathlib import Path

import pytest

import control
from applications import compiled, compiled_with_library, copied, owner_lines
from harness import REPOSITORY, SANITIZED, SLOWNESS, needs
from load import Load
from processes import eventually, is_alive
from wire import request

LARGE = 100 * 1024 * 1024
OTHERS = 49

CONFIGURATION = """
    {owner}
    [workers]
    threads = 1
    [[route]]
    app = "one"
    [app.one]
    type = "fastcgi"
    program = "{program}"
    multiplex = {multiplex}
    instances = {{ min = 1, max = 1, concurrency = 64 }}
    {options}
"""


@pytest.fixture
def one(start, place):
    """one(program, options) starts a server with a single instance that multiplexes."""

    def begin(program: str, options: str = "", multiplex: str = "true"):
        if program == "library":
            compiled_with_library(place, "library")
        else:
            copied(place, program, program)
        server = start(CONFIGURATION.format(owner=owner_lines('[server]\n    user = "{0}"'), program=program,
                                            multiplex=multiplex, options=options))
        assert server.get("/").status == 200
        return server

    return begin


PROGRAMS = [pytest.param("library", marks=needs(str(REPOSITORY / "include/remuda_app.h"))),
            pytest.param("multiplexed.pl", marks=needs("/usr/share/perl5/FCGI/Async.pm"))]


class SlowReader(threading.Thread):
    """Takes about 1 MB a second of a large answer until it is told to stop."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.stopping, self.taken = server, threading.Event(), 0
        self.start()

    def run(self):
        with self.server.connect(receive_buffer=65536) as connection:
            self.server.count()
            connection.send(request("GET", f"/big?{LARGE}"))
            while not self.stopping.wait(0.1):
                self.taken += len(connection.socket.recv(100_000))

    def stop(self):
        self.stopping.set()
        self.join(10)


def memory_of(pid: int) -> int:
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) * 1024


def p99_of_the_others(server, seconds: float) -> float:
    with Load(server, "/slow?100", threads=OTHERS, every=0.105) as load:
        time.sleep(seconds)
    outcome = load.outcome
    assert outcome.lost == [] and set(outcome.statuses) == {200}
    print(f"{outcome.sent} requests, p50 {outcome.percentile(0.5) * 1000:.1f} ms, p99 {outcome.percentile(0.99) * 1000:.1f} ms")
    return outcome.percentile(0.99)


def delay_by_slow_reader(server) -> float:
    """p99 beside a slow reader by p99 without one."""
    worker = server.worker()
    alone = p99_of_the_others(server, 3)
    before = memory_of(worker)
    reader = SlowReader(server)
    eventually("it reads", lambda: reader.taken)
    beside = p99_of_the_others(server, 3)
    grown = memory_of(worker) - before
    reader.stop()
    print(f"p99 {alone * 1000:.1f} ms alone, {beside * 1000:.1f} ms beside; the worker grew by {grown / 2**20:.1f} MiB")
    assert 0 < reader.taken < LARGE / 2
    assert grown < 16 * 2**20 or SANITIZED  # what is freed stays in the address sanitizer's quarantine
    return beside / alone


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_slow_reader_delays_nobody(one, program):
    """Done when: p99 within 20 percent and memory bounded.

    The machine may be busy with something else in one of the halves: then it is measured again, which no delay of ours
    would get through.
    """
    server = one(program)
    delays = []
    while not delays or delays[-1] > 1.2 * SLOWNESS:
        assert len(delays) < 4, delays
        delays.append(delay_by_slow_reader(server))
    assert len(control.instances(server, "one")) == 1


@pytest.mark.parametrize("program", PROGRAMS)
def test_slow_reader_gets_everything(one, program):
    """What waited on disk is whole and in order, read in pauses."""
    server = one(program, 'response_buffer = "64KiB"')
    with server.connect(receive_buffer=65536) as connection:
        server.count()
        connection.send(request("GET", f"/big?{LARGE // 5}"))
        answer = connection.read_head()
        time.sleep(1)
        assert server.get("/slow?1").status == 200
        connection.read_chunked(answer)
    assert len(answer.body) == LARGE // 5 and len(set(answer.body)) == 1


@pytest.mark.parametrize("program", PROGRAMS)
def test_too_much_for_the_disk_ends_that_request_alone(one, program):
    """More than response_spill for one that does not read: it alone is given up, the connection serves on."""
    server = one(program, 'response_buffer = "64KiB"\nresponse_spill = "1MiB"')
    pid = int(server.get("/slow?1").text)
    with server.connect(receive_buffer=4096) as connection:
        server.count()
        connection.send(request("GET", f"/big?{LARGE}"))
        connection.read_head()
        others = [server.get("/slow?20").status for _ in range(20)]
        assert others == [200] * 20
        connection.socket.settimeout(30)
        taken = 0
        try:
            while piece := connection.socket.recv(1 << 18):
                taken += len(piece)
        except ConnectionResetError:
            pass
    assert taken < LARGE
    assert int(server.get("/slow?1").text) == pid and is_alive(pid)


@pytest.mark.parametrize("program", PROGRAMS)
def test_clients_that_leave_free_their_places(one, program):
    """An aborted request's number is used again only after its end; a hundred that left do not hold 64 places."""
    server = one(program)
    for _ in range(100):
        with server.connect() as connection:
            server.count()
            connection.send(request("GET", "/slow?200"))
    eventually("they are gone", lambda: not control.app(server, "one")["live"], 10)
    assert server.get("/slow?1").status == 200


@pytest.mark.parametrize("program", PROGRAMS)
def test_bodies_are_not_confused(one, program):
    wrong = []

    def talk(number: int):
        body = os.urandom(1000 + 7001 * number)
        for _ in range(5):
            answer = server.post("/echo", body)
            if answer.status != 200 or answer.body != body:
                wrong.append((number, answer.status, len(answer.body)))

    server = one(program)
    threads = [threading.Thread(target=talk, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong, wrong[:5]


def test_it_is_found_out(one):
    """multiplex = "auto": asked by FCGI_GET_VALUES; 30 requests of 0.2 s at once then take no six seconds."""
    server = one("multiplexed.pl", multiplex='"auto"')
    eventually("it is known", lambda: [each for each in control.instances(server, "one").values()
                                       if each["capacity"]["multiplexes"]], 10)
    started = time.monotonic()
    threads = [threading.Thread(target=server.get, args=("/slow?200",)) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - started < 2 * SLOWNESS


@needs("/usr/include/fcgi_stdio.h")
@pytest.mark.parametrize("threads", [1, 2])
def test_a_program_that_does_not_multiplex_after_all(start, place, threads):
    """libfcgi takes one request at a time over one connection, and loses what stands behind it: nobody waits for that."""
    compiled(place, "application")
    server = start(CONFIGURATION.replace("threads = 1", f"threads = {threads}").format(
        owner=owner_lines('[server]\n    user = "{0}"'), program="application", multiplex="true", options="")
        .replace("concurrency = 64", "concurrency = 8"))
    for _ in range(3):
        started = time.monotonic()
        with Load(server, "/slow?20", threads=8) as load:
            time.sleep(1)
        assert load.outcome.lost == [] and set(load.outcome.statuses) == {200}
        assert load.outcome.percentile(1) < 2 * SLOWNESS and time.monotonic() - started < 5 * SLOWNESS
    capacity = [each["capacity"] for each in control.instances(server, "one").values()]
    assert capacity == [{"requests": 1, "connections": 1, "multiplexes": False}]


@pytest.mark.parametrize("program", PROGRAMS)
def test_known_is_enough(start, place, program):
    """multiplex = true alone: as many at once as the program says, or 64."""
    if program == "library":
        compiled_with_library(place, "library")
    else:
        copied(place, program, program)
    server = start(CONFIGURATION.format(owner=owner_lines('[server]\n    user = "{0}"'), program=program,
                                        multiplex="true", options="").replace(", concurrency = 64", ""))
    started = time.monotonic()
    with Load(server, "/slow?200", threads=30) as load:
        time.sleep(1)
    assert set(load.outcome.statuses) == {200} and load.outcome.sent >= 90
    assert time.monotonic() - started < 2 * SLOWNESS
