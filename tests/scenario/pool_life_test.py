# SPDX-License-Identifier: Apache-2.0
"""Instances of a pool that are well: renewed, let go when idle, waited for in a bounded queue, restarted in turn.

None of it costs a request.
"""

import os
import time

import pytest

import control
from harness import SLOWNESS, needs
from herd import FOUR, Asked, busy_pids, herd, nothing_lost, pid_of, starts_of
from load import Load
from processes import eventually, is_alive
from wire import request

pytestmark = needs("/usr/include/fcgiapp.h")


# --- replaced on purpose ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", ["max_requests = 20", 'max_age = "400ms"'])
def test_instances_are_renewed_without_a_loss(herd, place, options):
    server = herd(f"instances = {{ min = 2, max = 3, {options} }}")
    with Load(server, "/app/slow?2", threads=3, every=0.015) as load:
        time.sleep(3)
    nothing_lost(load)
    starts = len(starts_of(place))
    print(f"{starts} starts for {load.outcome.sent} requests")
    assert starts >= 6


def test_idle_instances_leave(herd, place):
    """min = 0: nobody stays; the next request starts one."""
    server = herd('instances = { min = 0, max = 4, idle_time = "500ms" }')
    assert not control.instances(server, "herd")
    asked = [Asked(server, "/app/slow?300") for _ in range(4)]
    assert len({pid_of(each.result()) for each in asked}) == 4
    eventually("they have left", lambda: not control.instances(server, "herd"), 10)
    assert server.get("/app/").status == 200
    assert len(starts_of(place)) == 5


# --- the queue --------------------------------------------------------------------------------------------------------


def test_queue_is_bounded(herd):
    """One runs, two wait, the others get 503 with Retry-After at once; those that waited are served."""
    server = herd("instances = { min = 1, max = 1 }\nqueue = 2\nqueue_time = \"20s\"")
    first = Asked(server, "/app/slow?800")
    busy_pids(server, 1)
    asked = [Asked(server, "/app/slow?1") for _ in range(6)]
    statuses = sorted(each.result().status for each in [first, *asked])
    assert statuses == [200, 200, 200, 503, 503, 503, 503]
    refused = [each.answer for each in asked if each.answer.status == 503]
    assert all("Retry-After" in answer for answer in refused)
    dropped = control.app(server, "herd")["queue"]["dropped"]
    assert dropped["full"] + dropped["hopeless"] == 4, dropped


def test_who_leaves_the_queue_is_forgotten(herd, place):
    """Principle 9: a client that left while it waited costs the application nothing."""
    server = herd("instances = { min = 1, max = 1 }")
    first = Asked(server, "/app/slow?1500")
    busy_pids(server, 1)
    connection = server.connect()
    server.count()
    connection.send(request("POST", "/app/count?waiting", body=b"x"))
    eventually("it waits", lambda: control.app(server, "herd")["queue"]["waiting"] == 1)
    connection.reset()
    eventually("it has left", lambda: control.app(server, "herd")["queue"]["waiting"] == 0)
    assert first.result().status == 200
    assert server.get("/app/").status == 200
    assert not (place / "work/begun").exists()


def test_waiting_has_an_end(herd):
    server = herd("instances = { min = 1, max = 1 }\nqueue_time = \"300ms\"")
    first = Asked(server, "/app/slow?1500")
    busy_pids(server, 1)
    started = time.monotonic()
    assert server.get("/app/").status == 503
    assert time.monotonic() - started < 1 * SLOWNESS
    assert first.result().status == 200


# --- rolling restart --------------------------------------------------------------------------------------------------


def test_rolling_restart_to_a_good_version(herd, place):
    """Under load, from version 1 to version 2: no request fails, and none is served by the old one afterwards."""
    server = herd()
    before = eventually("all are ready", lambda: pids if len(
        pids := set(control.instances(server, "herd", "ready"))) == 4 else None)
    place.file("work/version", "2\n")
    with Load(server, "/app/slow?3", threads=4, every=0.01) as load:
        time.sleep(0.3)
        ended = control.command(server, "restart", "herd")
        assert server.get("/app/").text.split()[1] == "2"
        time.sleep(0.3)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    nothing_lost(load)
    assert not before & set(control.instances(server, "herd"))
    eventually("the old ones have ended", lambda: not [pid for pid in before if is_alive(pid)])


def test_rolling_restart_to_a_broken_version(herd, place):
    """The new ones do not start: the old ones stay, no request fails, and the command says why and fails."""
    server = herd('instances = { min = 4, max = 4, start_timeout = "3s" }')
    before = eventually("all are ready", lambda: pids if len(
        pids := set(control.instances(server, "herd", "ready"))) == 4 else None)
    place.file("work/broken")
    with Load(server, "/app/slow?3", threads=4, every=0.01) as load:
        time.sleep(0.3)
        ended = control.command(server, "restart", "herd")
        time.sleep(0.3)
    assert ended.returncode != 0
    assert "saddle" in ended.stdout + ended.stderr, ended
    nothing_lost(load)
    assert set(control.instances(server, "herd", "ready")) == before
    os.unlink(place / "work/broken")
    assert control.command(server, "restart", "herd").returncode == 0


def test_rolling_restart_with_a_health_request(herd, place):
    """A new version that starts but does not answer as it should is not taken."""
    server = herd(FOUR + '\nhealth = { path = "/app/slow", status = 200, timeout = "1s" }')
    assert server.get("/app/").text.split()[1] == "1"
    place.file("work/mute")
    place.file("work/version", "2\n")
    with Load(server, "/app/", threads=2, every=0.02) as load:
        ended = control.command(server, "restart", "herd")
    assert ended.returncode != 0
    nothing_lost(load)
    os.unlink(place / "work/mute")
    assert server.get("/app/").text.split()[1] == "1"
    assert control.command(server, "restart", "herd").returncode == 0
    assert server.get("/app/").text.split()[1] == "2"
