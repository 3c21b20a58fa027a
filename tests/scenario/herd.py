# SPDX-License-Identifier: Apache-2.0
"""A pool of a program that fails as it is told, and what the scenarios of pools ask of it and of their load.

A scenario imports the fixture `herd` beside what it uses.
"""

import shutil
import threading

import pytest

import control
from applications import USER, compiled, owner_lines
from harness import IS_ROOT, SLOWNESS
from processes import eventually
from wire import request

CONFIGURATION = """
    [server]
    {server}
    [workers]
    threads = 2
    [[route]]
    path = "/app/"
    app = "herd"
    [[route]]
    files = "site"
    [app.herd]
    type = "fastcgi"
    program = "work/faulty"
    directory = "work"
    {options}
"""
FOUR = "instances = { min = 4, max = 4 }"


@pytest.fixture
def herd(start, place):
    """herd(options) starts a server with a pool of the program that fails."""
    work = place.directory("work")
    compiled(place, "faulty", output="work/faulty")
    if IS_ROOT:
        shutil.chown(work, USER)
    place.file("site/index.html", "home")

    def begin(options: str = FOUR, server: str = "", **how):
        server += owner_lines('\nuser = "{0}"')
        return start(CONFIGURATION.format(server=server, options=options), **how)

    return begin


class Asked(threading.Thread):
    """One request in the background; `answer` when it has come, or `error`."""

    def __init__(self, server, target: str, method: str = "GET", body: bytes | None = None):
        super().__init__(daemon=True)
        self.server, self.data = server, request(method, target, body=body)
        self.answer = self.error = None
        self.start()

    def run(self):
        try:
            self.answer = self.server.ask(self.data, timeout=60)
        except (OSError, AssertionError) as error:
            self.error = error

    def result(self, within: float = 30.0):
        self.join(within * SLOWNESS)
        assert self.answer is not None, self.error or "no answer"
        return self.answer


def busy_pids(server, count: int) -> list[int]:
    """The processes that have a request for sure, as soon as there are so many."""
    return eventually(f"{count} instances are busy", lambda: found if len(found := [
        pid for pid, each in control.instances(server, "herd").items() if each["busy"]]) >= count else None, every=0.05)


def pid_of(answer) -> int:
    assert answer.status == 200, answer
    return int(answer.text.split()[0])


def nothing_lost(load, least: int = 20):
    """Everybody who asked was answered well."""
    outcome = load.outcome
    print(f"{sum(outcome.statuses.values())} answers {dict(outcome.statuses)}, lost {outcome.lost}, "
          f"p50 {outcome.percentile(0.5) * 1000:.1f} ms, longest {outcome.percentile(1) * 1000:.0f} ms")
    assert outcome.lost == [] and outcome.refused == []
    assert set(outcome.statuses) == {200} and outcome.statuses[200] >= least


def starts_of(place) -> list[float]:
    path = place / "work/starts"
    return [float(line.split()[0]) for line in path.read_text().splitlines()] if path.exists() else []
