# SPDX-License-Identifier: Apache-2.0
"""Workers, spawners and supervisors that are killed while a pool serves.

A worker's death costs the requests in flight in it, a spawner's none: the instances are the same before and after, by
process id and by the number of times that the program was started. The supervisor's death leaves nothing behind.
"""

import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import control
from applications import USER, compiled, owner_lines
from harness import IS_ROOT, SLOWNESS, Server, needs
from load import Load
from processes import descendants_of, eventually, is_alive, title_of
from wire import request

pytestmark = needs("/usr/include/fcgiapp.h")

INSTANCES = 4
CONFIGURATION = """
    [server]
    run_directory = "{place}/run"
    {user}
    [workers]
    threads = 2
    processes = {processes}
    [[route]]
    path = "/app/"
    app = "herd"
    [app.herd]
    type = "fastcgi"
    program = "work/faulty"
    directory = "work"
    instances = {{ min = {count}, max = {count} }}
"""


class Herd:
    """A server with a pool, and what its instances have told."""

    def __init__(self, server: Server, place, awaited: int):
        self.server, self.place = server, place
        eventually("the instances run and have said so",
                   lambda: len(self.pids()) >= awaited and (place / "work/starts").exists() and self.starts() >= awaited, 20)

    def starts(self) -> int:
        return len((self.place / "work/starts").read_text().splitlines())

    def pids(self) -> set[int]:
        """As the processes tell; the status is another matter."""
        return {pid for pid in descendants_of(self.server.pid) if is_alive(pid) and "faulty" in title_of(pid)}

    def ready(self) -> set[int]:
        return set(control.instances(self.server, "herd", "ready"))

    def kill(self, role: str) -> int:
        """The process that comes instead."""
        old = self.server.worker() if role == "worker" else self.server.spawner()
        os.kill(old, signal.SIGKILL)
        return old

    def come_back(self, role: str, old: int) -> int:
        return eventually(f"there is another {role}",
                          lambda: [pid for pid in self.server.processes(role) if pid != old], every=0.002)[0]

    def get(self) -> int:
        """The process that answers."""
        answer = self.server.get("/app/")
        assert answer.status == 200, answer
        return int(answer.text.split()[0])

    def check_same(self, before: set[int], starts: int):
        eventually("the worker knows them all", lambda: self.ready() == before, 10)
        assert self.pids() == before
        assert self.starts() == starts
        assert self.get() in before


@pytest.fixture
def herd(start, place):
    work = place.directory("work")
    compiled(place, "faulty", output="work/faulty")
    if IS_ROOT:
        shutil.chown(work, USER)

    def begin(processes: int = 1, awaited: int = INSTANCES) -> Herd:
        user = owner_lines('user = "{0}"')
        server = start(CONFIGURATION.format(place=place.path, user=user, processes=processes, count=INSTANCES))
        return Herd(server, place, awaited)

    return begin


def report(load: Load, what: str):
    outcome = load.outcome
    print(f"{what}: {outcome.sent} sent, {dict(outcome.statuses)}, lost {outcome.lost}, refused {outcome.refused}, "
          f"longest {outcome.percentile(1) * 1000:.0f} ms")


# --- the worker -------------------------------------------------------------------------------------------------------


def test_worker_is_killed_under_load(herd):
    """What was in flight is lost, at most one request of each client; the same instances serve on."""
    herd = herd()
    before, starts = herd.pids(), herd.starts()
    with Load(herd.server, "/app/", threads=4, every=0.005) as load:
        time.sleep(0.5)
        old = herd.kill("worker")
        herd.come_back("worker", old)
        time.sleep(0.7)
    report(load, "the worker was killed")
    herd.server.unlogged = len(load.outcome.lost) + int(0.5 / 0.005 * 4)
    assert len(load.outcome.lost) <= 4 and load.outcome.refused == []
    assert load.outcome.statuses.keys() == {200}
    herd.check_same(before, starts)


def test_worker_is_killed_again_and_again(herd):
    herd = herd()
    before, starts = herd.pids(), herd.starts()
    for _ in range(4):
        old = herd.kill("worker")
        herd.come_back("worker", old)
        eventually("it answers", lambda: answers(herd), 15)
    herd.check_same(before, starts)
    herd.server.unlogged = herd.server.sent


def answers(herd: Herd) -> bool:
    try:
        return herd.get() > 0
    except (OSError, AssertionError):
        return False


def test_worker_is_killed_while_instances_start(herd, place):
    """They run already but do not accept yet: the next worker waits for the same ones."""
    mute = place.file("work/mute")
    if IS_ROOT:
        shutil.chown(mute, USER)
    herd = herd(awaited=1)
    before = herd.pids()
    herd.come_back("worker", herd.kill("worker"))
    mute.unlink()
    eventually("there are all of them", lambda: len(herd.ready()) == INSTANCES, 15)
    assert before <= herd.ready() and herd.starts() == INSTANCES


def test_what_worked_for_a_worker_that_was_killed_gets_no_request_until_it_is_free(herd):
    """The others answer meanwhile, and it is not ended."""
    herd = herd()
    before = herd.pids()
    lost = herd.server.connect()
    lost.send(request("GET", "/app/slow?6000"))
    eventually("one of them works", lambda: any(
        each["busy"] > 0 for each in control.instances(herd.server, "herd").values()))
    herd.come_back("worker", herd.kill("worker"))
    lost.close()
    eventually("the worker knows the others", lambda: len(herd.ready()) == INSTANCES - 1, 10)
    began = time.monotonic()
    with ThreadPoolExecutor(INSTANCES) as threads:
        answers = list(threads.map(lambda _: herd.server.post("/app/slow?200", b"x").status, range(INSTANCES)))
    assert answers == [200] * INSTANCES
    assert time.monotonic() - began < 4 * SLOWNESS
    eventually("it has done its work", lambda: herd.ready() == before, 15)
    assert herd.starts() == INSTANCES


def test_an_instance_that_was_handed_over_is_as_any_other(herd):
    """Its standard error reaches the log; it is measured; it is replaced when it dies, and its end is seen."""
    herd = herd()
    before = herd.pids()
    herd.come_back("worker", herd.kill("worker"))
    eventually("the worker knows them all", lambda: herd.ready() == before, 10)
    assert herd.server.get("/app/flood?1").status == 200
    herd.server.wait_for_error("e{100}")
    eventually("they are measured", lambda: all(
        each["pss_bytes"] > 0 for each in control.instances(herd.server, "herd").values()), 20)
    victim = before.pop()
    os.kill(victim, signal.SIGKILL)
    eventually("another one has come", lambda: len(herd.ready() - before - {victim}) == 1, 10)
    assert before < herd.ready()


def test_one_of_two_workers_is_killed(herd):
    """Each has its own instances, and the one that comes gets those of the one that went."""
    herd = herd(processes=2)
    before, starts = herd.pids(), herd.starts()
    eventually("each worker has its own", lambda: herd.ready() == before, 10)
    with Load(herd.server, "/app/", threads=4, every=0.005) as load:
        time.sleep(0.3)
        old = herd.kill("worker")
        eventually("there are two again",
                   lambda: len(set(herd.server.processes("worker")) - {old}) == 2, every=0.002)
        time.sleep(0.5)
    report(load, "one of two workers was killed")
    herd.server.unlogged = len(load.outcome.lost) + int(0.5 / 0.005 * 4)
    assert len(load.outcome.lost) <= 4 and load.outcome.refused == []
    herd.check_same(before, starts)


# --- the spawner ------------------------------------------------------------------------------------------------------


def test_spawner_is_killed_under_load(herd):
    """No request is lost; its programs run on, and the next one starts more of them."""
    herd = herd()
    before, starts = herd.pids(), herd.starts()
    with Load(herd.server, "/app/", threads=4, every=0.005) as load:
        time.sleep(0.3)
        herd.come_back("spawner", herd.kill("spawner"))
        time.sleep(0.5)
    report(load, "the spawner was killed")
    assert load.outcome.lost == [] and load.outcome.refused == [] and load.outcome.statuses.keys() == {200}
    herd.check_same(before, starts)
    victim = before.pop()
    os.kill(victim, signal.SIGKILL)
    eventually("another one has come", lambda: len(herd.ready() - before - {victim}) == 1, 10)


@pytest.mark.parametrize("roles", [("spawner", "worker"), ("worker", "spawner"), ("spawner", "worker", "spawner", "worker")],
                         ids=lambda roles: "-".join(roles))
def test_one_after_the_other(herd, roles):
    herd = herd()
    before, starts = herd.pids(), herd.starts()
    for role in roles:
        herd.come_back(role, herd.kill(role))
        eventually("it answers", lambda: answers(herd), 15)
        time.sleep(0.2)
    herd.check_same(before, starts)
    herd.server.unlogged = herd.server.sent


def test_both_at_once(herd):
    """Nobody who knew of the instances is left but the supervisor: the same ones serve on."""
    herd = herd()
    before, starts = herd.pids(), herd.starts()
    for _ in range(3):
        worker, spawner = herd.kill("worker"), herd.kill("spawner")
        herd.come_back("worker", worker)
        herd.come_back("spawner", spawner)
        eventually("it answers", lambda: answers(herd), 15)
        herd.check_same(before, starts)
    herd.server.unlogged = herd.server.sent


# --- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deaths", [(), ("spawner",), ("spawner", "worker")], ids=lambda deaths: "-".join(deaths) or "none")
def test_stopping_ends_the_instances(herd, place, deaths):
    """Those that were handed over as well; and the run directory is empty."""
    herd = herd()
    for role in deaths:
        herd.come_back(role, herd.kill(role))
    eventually("it answers", lambda: answers(herd), 15)
    pids = herd.pids()
    herd.server.unlogged = herd.server.sent
    assert herd.server.stop() == 0
    assert not [pid for pid in pids if is_alive(pid)]
    assert os.listdir(place / "run") == []


@pytest.mark.parametrize("deaths", [(), ("spawner",), ("spawner", "worker")], ids=lambda deaths: "-".join(deaths) or "none")
def test_supervisor_is_killed(herd, place, start, deaths):
    """Nothing is left after some seconds, and the next server starts in the same directory."""
    herd = herd()
    for role in deaths:
        herd.come_back(role, herd.kill(role))
    eventually("it answers", lambda: answers(herd), 15)
    everybody = descendants_of(herd.server.pid)
    herd.server.unlogged = herd.server.sent
    herd.server.expect_status = None
    os.kill(herd.server.pid, signal.SIGKILL)
    eventually("all have ended", lambda: not [pid for pid in everybody if is_alive(pid)], 10 * SLOWNESS)
    herd.server.finish()
    left = [path for path in Path(place / "run").iterdir() if path.is_dir()]
    assert len(left) == 1  # what the next one of this configuration cleans
