# SPDX-License-Identifier: Apache-2.0
"""Instances of a pool that die, hang, leak, talk rubbish or do not start, each under a steady load.

What may be lost is what was in flight in the process that was killed, and no other request; every one of those gets a
clear answer. The load knows of each request what became of it, and the access log has a line for each.
"""

import os
import re
import signal
import threading
import time
from collections import Counter

import pytest

import control
from harness import SLOWNESS, needs
from herd import FOUR, Asked, busy_pids, herd, nothing_lost, pid_of, starts_of
from load import Load
from processes import eventually, is_alive
from wire import request

pytestmark = needs("/usr/include/fcgiapp.h")


# --- killed -----------------------------------------------------------------------------------------------------------


def test_instance_is_killed_with_a_request(herd, place):
    """That request gets 502 and is not begun again; a hundred others on the other instances notice nothing."""
    server = herd()
    doomed = Asked(server, "/app/count?once", "POST", b"do this once")
    pid, = busy_pids(server, 1)
    with Load(server, "/app/", threads=3, every=0.01) as load:
        time.sleep(0.3)
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        answer = doomed.result()
        assert time.monotonic() - killed < 1 * SLOWNESS
        eventually("there are four again", lambda: len(set(control.instances(server, "herd", "ready")) - {pid}) == 4)
        time.sleep(0.3)
    assert answer.status == 502
    line = next(line for line in server.wait_for_access() if "count" in line["target"])
    assert re.search("signal|SIGKILL|killed|closed", line["trouble"]), line
    assert (place / "work/begun").read_text() == "once\n"
    nothing_lost(load)


def test_idempotent_request_is_not_given_to_another(herd, place):
    """What brings down one instance would bring down the next: it begins once, whatever its method."""
    server = herd()
    asked = Asked(server, "/app/count?once", "PUT", b"x")
    pid, = busy_pids(server, 1)
    os.kill(pid, signal.SIGKILL)
    assert asked.result().status == 502
    assert server.get("/app/").status == 200
    assert (place / "work/begun").read_text() == "once\n"


def test_idle_instances_are_killed_and_nobody_has_said_so(herd):
    """Each refuses the request, which begins nowhere: it goes on until it finds the one that lives, whatever its method."""
    server = herd(FOUR + "\nretries = 1\nkeep_connections = 0")
    eventually("all are ready", lambda: len(control.instances(server, "herd", "ready")) == 4)
    asked = [Asked(server, f"/app/slow?{wait}") for wait in (400, 300, 200, 100)]
    pids = [pid_of(each.result()) for each in asked]  # in the order in which they are lent next
    spawner = server.spawner()
    os.kill(spawner, signal.SIGSTOP)  # who would tell that they have ended
    try:
        for pid in pids[:3]:
            os.kill(pid, signal.SIGKILL)
        eventually("they have ended", lambda: not any(is_alive(pid) for pid in pids[:3]))
        assert pid_of(server.post("/app/", b"x")) == pids[3]
    finally:
        os.kill(spawner, signal.SIGCONT)
    eventually("there are four again", lambda: len(set(control.instances(server, "herd", "ready")) - set(pids[:3])) == 4)


def test_all_instances_are_killed(herd):
    """What they had in flight is lost; what waits is served by those that replace them."""
    server = herd()
    warm = [Asked(server, "/app/slow?200") for _ in range(4)]  # an instance that never answered would count as a failed start
    assert len({pid_of(each.result()) for each in warm}) == 4
    doomed = [Asked(server, "/app/count?x", "POST", b"x") for _ in range(4)]
    pids = busy_pids(server, 4)
    with Load(server, "/app/", threads=3, every=0.01) as load:
        time.sleep(0.2)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        assert [each.result().status for each in doomed] == [502] * 4
        assert server.get("/app/").status == 200
        recovered = time.monotonic() - killed
        time.sleep(0.5)
    print(f"served again after {recovered * 1000:.0f} ms")
    assert recovered < 1 * SLOWNESS
    nothing_lost(load)


def test_storm_of_kills(herd):
    """Somebody kills an instance thirty times a second for three seconds: nobody who asks is left without an answer."""
    server = herd(FOUR + '\nqueue = 500')
    with Load(server, "/app/slow?5", threads=6, every=0.02) as load:
        end = time.monotonic() + 3
        kills = 0
        while time.monotonic() < end:
            for pid in list(control.instances(server, "herd", "ready"))[:1]:
                try:
                    os.kill(pid, signal.SIGKILL)
                    kills += 1
                except ProcessLookupError:
                    pass
            time.sleep(0.03)
    print(f"{kills} kills")
    outcome = load.outcome
    assert outcome.lost == [] and outcome.refused == []
    assert set(outcome.statuses) <= {200, 502, 503}
    eventually("it is well again", lambda: server.get("/app/").status == 200, 30)


# --- does not keep connections ----------------------------------------------------------------------------------------


FORGETFUL = """#!/usr/bin/python3
import os, socket, struct, time

def receive(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data

def record(kind, content):
    return struct.pack("!BBHHBB", 1, kind, 1, len(content), 0, 0) + content

def serve(connection):
    for number in range(2):
        while True:
            _, kind, _, length, padding, _ = struct.unpack("!BBHHBB", receive(connection, 8))
            receive(connection, length + padding)
            if kind == 1:
                with open("begun", "a") as file:
                    file.write(f"{os.getpid()} {number}\\n")
                if number == 1:
                    return
            if kind == 5 and length == 0:
                break
        time.sleep(0.05)
        connection.sendall(record(6, b"Content-Type: text/plain\\r\\n\\r\\nhello") + record(6, b"")
                           + record(3, bytes(8)))

listener = socket.socket(fileno=0)
while True:
    connection, _ = listener.accept()
    try:
        serve(connection)
    except (EOFError, OSError):
        pass
    connection.close()
"""


def test_kept_connections_that_die_on_their_second_request(herd, place):
    """The program promises to keep them and does not, as node-fastcgi: found out once for all its instances, and whoever
    found it out is asked again, because the process lives."""
    place.file("work/faulty", FORGETFUL, mode=0o755)
    server = herd('instances = { min = 3, max = 3 }\nmultiplex = false')
    assert [server.get("/app/").status for _ in range(12)] == [200] * 12
    begun = (place / "work/begun").read_text().split("\n")[:-1]
    assert len([line for line in begun if line.endswith(" 1")]) == 1, begun
    assert [server.post("/app/", b"x").status for _ in range(6)] == [200] * 6


def test_requests_that_are_not_idempotent_are_lost_once(herd, place):
    place.file("work/faulty", FORGETFUL, mode=0o755)
    server = herd('instances = { min = 3, max = 3 }\nmultiplex = false')

    def all_at_once() -> list[int]:
        asked = [Asked(server, "/app/", "POST", b"x") for _ in range(3)]
        return [each.result().status for each in asked]

    eventually("all are ready", lambda: len(control.instances(server, "herd", "ready")) == 3)
    statuses = []
    with server.connect() as connection:  # on one loop
        for _ in range(4):
            server.count()
            connection.send(request("POST", "/app/", body=b"x"))
            statuses.append(connection.read_answer().status)
            time.sleep(0.2 * SLOWNESS)  # the server looks whether the process lives on
    assert sorted(statuses) == [200] * 3 + [502], statuses
    for _ in range(3):
        assert all_at_once() == [200] * 3


def test_concurrency_that_the_program_does_not_have(herd):
    """It takes one connection at a time: one that idles does not keep it from those that wait to be accepted."""
    server = herd("instances = { min = 1, max = 1, concurrency = 4 }")
    started = time.monotonic()
    asked = [Asked(server, "/app/slow?100") for _ in range(4)]
    assert [each.result().status for each in asked] == [200] * 4
    assert time.monotonic() - started < 3 * SLOWNESS


# --- hangs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["hang", "stopped"])
def test_instance_that_hangs(herd, how):
    """504 at the time limit; the process is killed, though it does not listen to signals, and replaced."""
    server = herd(FOUR + '\ntime_limit = "1s"')
    started = time.monotonic()
    asked = Asked(server, "/app/hang")
    pid, = busy_pids(server, 1)
    if how == "stopped":
        os.kill(pid, signal.SIGSTOP)
    with Load(server, "/app/", threads=2, every=0.02) as load:
        answer = asked.result()
        waited = time.monotonic() - started
        eventually("it has ended", lambda: not is_alive(pid), 8)
        eventually("there are four again", lambda: len(control.instances(server, "herd", "ready")) == 4)
    assert answer.status == 504 and 0.9 < waited < 2 * SLOWNESS
    assert "time" in next(line for line in server.wait_for_access() if "hang" in line["target"])["trouble"]
    nothing_lost(load)


def test_all_instances_hang(herd):
    """As many requests as there are instances hang; everybody else waits no longer than the limit."""
    server = herd(FOUR + '\ntime_limit = "1s"')
    hanging = [Asked(server, "/app/hang", "POST", b"x") for _ in range(4)]
    busy_pids(server, 4)
    started = time.monotonic()
    assert server.get("/app/").status == 200
    assert time.monotonic() - started < 3 * SLOWNESS
    assert [each.result().status for each in hanging] == [504] * 4


# --- grows ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_instance_that_leaks(herd, place):
    """1 MB for each request: replaced between requests, above the limit that memory_soft sets, and no request is lost."""
    server = herd('instances = { min = 2, max = 2, memory_soft = "40MiB" }')
    most = 0
    with Load(server, "/app/leak?1", threads=2, every=0.02) as load:
        end = time.monotonic() + 6
        while time.monotonic() < end:
            most = max([most, *(each["pss_bytes"] for each in control.instances(server, "herd").values())])
            time.sleep(0.1)
    nothing_lost(load)
    starts = len((place / "work/starts").read_text().splitlines())
    requests = load.outcome.sent
    print(f"{requests} requests, {starts} starts, largest {most / 2**20:.0f} MiB")
    assert requests > 200 and 2 + requests // 160 <= starts <= 2 + requests // 20
    assert most < 150 * 2**20
    server.wait_for_error("memory")


def test_instance_that_grows_beyond_all_bounds(herd):
    """memory_hard ends it in the middle of its request, which gets a clear answer."""
    server = herd('instances = { min = 2, max = 2, memory_soft = "40MiB", memory_hard = "80MiB" }')
    asked = Asked(server, "/app/leak-and-hang?160", "POST", b"x")
    pid, = busy_pids(server, 1)
    with Load(server, "/app/", threads=1, every=0.02) as load:
        answer = asked.result()
        eventually("there are two again", lambda: len(set(control.instances(server, "herd", "ready")) - {pid}) == 2)
    assert answer.status in (502, 503) and not is_alive(pid)
    server.wait_for_error("memory")
    nothing_lost(load)


# --- talks rubbish ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["version", "cut", "short", "noise", "type", "identity", "head"])
def test_instance_that_answers_garbage(herd, kind):
    """502 and the reason; the worker goes on, and so does everybody else."""
    server = herd()
    worker = server.worker()
    with Load(server, "/app/", threads=2, every=0.02) as load:
        for _ in range(3):
            answer = server.get(f"/app/garbage?{kind}", "Accept: text/html")
            assert answer.status == 502, answer
            time.sleep(0.1)
    lines = [line for line in server.wait_for_access() if "garbage" in line["target"]]
    assert len(lines) == 3 and all(line["trouble"] for line in lines), lines
    assert server.worker() == worker
    nothing_lost(load)


@pytest.mark.parametrize("what, statuses", [("close", {502}), ("nothing", {502}), ("die?0", {502}), ("die?3", {502})])
def test_instance_that_ends_early(herd, what, statuses):
    """A request without an answer has one from the server."""
    server = herd()
    with Load(server, "/app/", threads=2, every=0.02) as load:
        for _ in range(3):
            answer = server.post(f"/app/{what}", b"x")
            assert answer.status in statuses, answer
            time.sleep(0.1)
    nothing_lost(load)


def test_half_an_answer(herd):
    """Its length was announced: the client must see that it is not whole."""
    server = herd()
    for _ in range(3):
        with server.connect() as connection:
            server.count()
            connection.send(request("GET", "/app/half", "Connection: close"))
            try:
                assert len(connection.read_to_end().split(b"\r\n\r\n", 1)[1]) < 100
            except ConnectionResetError:
                pass
    assert server.get("/app/").status == 200


# --- does not listen --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [FOUR, FOUR + "\nrequest_buffering = false"])
def test_instance_that_never_reads_its_body(herd, options):
    """It answers all the same: 30 MB that nobody wants hold up neither the answer nor the next request."""
    server = herd(options + '\ntime_limit = "5s"')
    body = b"b" * 30_000_000
    for _ in range(2):
        with server.connect() as connection:
            server.count()
            connection.send(request("POST", "/app/deaf", body=None, host="test")[:-2]
                            + b"Content-Length: %d\r\n\r\n" % len(body))
            sender = threading.Thread(target=push, args=(connection, body), daemon=True)
            sender.start()
            assert connection.read_answer().status == 200
    assert server.get("/app/").status == 200


def push(connection, body: bytes):
    try:
        connection.send(body)
    except OSError:
        pass  # the answer came before all of it was taken


def test_deaf_and_dumb(herd):
    """Neither reads nor answers: 504 at the limit."""
    server = herd(FOUR + '\ntime_limit = "1s"\nrequest_buffering = false')
    answer = server.ask(request("POST", "/app/hang", body=b"b" * 1_000_000), timeout=10)
    assert answer.status == 504


def test_a_body_that_is_left_unread_hurts_no_other_request(herd):
    """libfcgi closes a connection with something unread on it, when it looks for the next request there."""
    server = herd("instances = { min = 1, max = 1 }\nmultiplex = false")
    assert [server.post("/app/slow", b"b").status for _ in range(20)] == [200] * 20  # so connections are kept
    statuses: list[int] = []

    def ask(size: int):
        for _ in range(100):
            statuses.append(server.post("/app/slow?1", b"b" * size).status)

    threads = [threading.Thread(target=ask, args=(size,)) for size in (20_000, 20_000, 10, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(statuses) == {200: 400}


@pytest.mark.slow
def test_instance_that_floods_standard_error(herd):
    """20 MB of complaints, half of them not even by FastCGI: the answer comes, and nobody else waits."""
    server = herd()
    before = memory_of(server.worker())
    with Load(server, "/app/", threads=2, every=0.02) as load:
        asked = [Asked(server, "/app/flood?5") for _ in range(2)]
        assert [each.result().status for each in asked] == [200, 200]
    nothing_lost(load, least=1)
    assert load.outcome.percentile(0.9) < 0.2 * SLOWNESS
    assert memory_of(server.worker()) - before < 30 * 2**20 * SLOWNESS


def memory_of(pid: int) -> int:
    text = open(f"/proc/{pid}/status").read()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) * 1024


# --- does not start ---------------------------------------------------------------------------------------------------


def test_program_that_does_not_start(herd, place):
    """503 at once with the reason in the log, back-off between the tries, and well again as soon as it can be."""
    place.file("work/broken")
    server = herd("instances = { max = 4 }\nqueue_time = \"20s\"")
    first = server.get("/app/")
    assert first.status == 503 and "Retry-After" in first
    waits = []
    for _ in range(20):
        started = time.monotonic()
        assert server.get("/app/").status == 503
        waits.append(time.monotonic() - started)
        time.sleep(0.1)
    assert sorted(waits)[10] < 0.1 * SLOWNESS, waits
    server.wait_for_error("cannot find my saddle")
    tries = len(starts_of(place))
    print(f"{tries} tries in {sum(waits) + 2:.1f} s")
    assert 1 <= tries <= 12
    trouble = control.app(server, "herd")
    assert trouble["trouble"] and any("saddle" in line for line in trouble["journey"]), trouble
    assert server.get("/").text == "home"
    os.unlink(place / "work/broken")
    mended = time.monotonic()
    eventually("it is well again", lambda: server.get("/app/").status == 200, 20)
    print(f"well again after {time.monotonic() - mended:.1f} s")
    assert not control.app(server, "herd")["trouble"]


def test_the_journey_is_shown_in_development(herd, place):
    place.file("work/broken")
    page = herd("instances = { max = 1 }", server="dev = true").get("/app/", "Accept: text/html")
    assert page.status == 503 and "saddle" in page.text
    hidden = herd("instances = { max = 1 }").get("/app/", "Accept: text/html")
    assert hidden.status == 503 and "saddle" not in hidden.text


def test_program_that_never_accepts(herd, place):
    """It runs but does not take connections: given up after start_timeout."""
    place.file("work/mute")
    server = herd('instances = { max = 1, start_timeout = "500ms" }\ntime_limit = "2s"')
    started = time.monotonic()
    assert server.get("/app/").status in (503, 504)
    assert time.monotonic() - started < 5 * SLOWNESS
    os.unlink(place / "work/mute")
    eventually("it is well again", lambda: server.get("/app/").status == 200, 20)


# --- everything is counted --------------------------------------------------------------------------------------------


def test_counts_agree(herd):
    """What the clients saw, what the access log has and what the server says of itself are the same numbers."""
    server = herd()
    for target in ["/app/"] * 10 + ["/app/close", "/app/nothing", "/app/garbage?noise"]:
        server.post(target, b"x")
    lines = server.wait_for_access()
    assert len(lines) == 13

    def settled():
        found = control.app(server, "herd")
        return found if found["requests"] >= 10 and found["requests"] + found["failures"] == 13 else None

    found = eventually("all are counted", settled)
    total = control.status(server)["total"]["requests"]
    assert total["2xx"] == 10 and total["5xx"] == 3 and total["total"] == 13, total
    assert found["queue"]["waiting"] == 0 and not found["live"]
