# SPDX-License-Identifier: Apache-2.0
"""10,000 connections that each send one byte a second do not delay a normal client. Done when, last point."""

import resource
import subprocess
import time

import pytest

import harness
from harness import REPOSITORY, SLOWNESS
from wire import request

SOURCE = REPOSITORY / "tests/bench/programs/trickle.c"
MOST = 10_000
SECONDS = 6


@pytest.fixture(scope="module")
def trickle(tmp_path_factory):
    program = tmp_path_factory.mktemp("trickle") / "trickle"
    subprocess.run(["clang-19", "-O2", "-o", str(program), str(SOURCE)], check=True, timeout=60)
    return program


def how_many() -> int:
    """As many as the limits of the client and of the server's worker allow."""
    return min(MOST, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 500)


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_slow_clients_delay_nobody(start, place, trickle, threads):
    place.file("site/index.html", "home")
    server = start(f'[workers]\nthreads = {threads}\n[timeouts]\nhead = "60s"\n[[route]]\nfiles = "site"')
    count = how_many()
    alone = times(server, 1)
    crowd = subprocess.Popen([str(trickle), str(server.port), str(count), "60"], stdout=subprocess.PIPE, text=True,
                             preexec_fn=lambda: __import__("os").nice(5))
    harness.Server.own_helpers.add(crowd.pid)
    try:
        connected = int(crowd.stdout.readline().split()[1])
        beside = times(server, SECONDS)
    finally:
        crowd.terminate()
        held, sent = [int(word) for word in crowd.communicate(timeout=30)[0].split()[1::2]]
    server.count(connected)
    print(f"{connected} slow clients, {sent} bytes; p50 {beside[len(beside) // 2] * 1000:.2f} ms, p99 alone "
          f"{p99(alone) * 1000:.2f} ms, beside them {p99(beside) * 1000:.2f} ms, most {beside[-1] * 1000:.2f} ms")
    assert connected == held == count, "some were not served or thrown out"
    assert sent > count * SECONDS * 0.5
    assert p99(beside) < 0.02 * SLOWNESS
    server.wait_for_access(within=20)


def times(server, seconds: float) -> list[float]:
    """How long each of a normal client's requests took, sorted; 500 a second."""
    found = []
    with server.connect() as connection:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            started = time.monotonic()
            server.count()
            assert connection.ask(request("GET", "/")).text == "home"
            found.append(time.monotonic() - started)
            time.sleep(max(0, 0.002 - found[-1]))
    return sorted(found)


def p99(ordered: list[float]) -> float:
    return ordered[int(len(ordered) * 0.99)]
