# SPDX-License-Identifier: Apache-2.0
"""Programs that fail, hang or misbehave: the client gets a clear status with an id, the log says why, nobody is left.

RFC 3875 and the failures named in its tests; "Failure is explained" of the CGI model; principles 4, 9 and 12.
"""

import os
import re
import threading
import time

import pytest

from harness import IS_ROOT, SLOWNESS
from processes import descendants_of, eventually, is_alive, name_of, title_of
from wire import request

CONFIGURATION = """
    [[route]]
    path = "/cgi-bin/"
    app = "programs"
    [[route]]
    path = "/page/"
    respond = 204
    [app.programs]
    root = "cgi-bin"
    time_limit = "1500ms"
"""

BOTH_MODELS = True

FAILURES = {
    # name: (program, statuses, what the log says)
    "nothing": ("exit 0", {502, 500}, r"head|output|nothing|without"),
    "status-3": ("echo 'last words' >&2; exit 3", {502, 500}, r"status 3"),
    "killed": ("kill -KILL $$", {502, 500}, r"signal|SIGKILL|killed"),
    "crash": ("kill -SEGV $$", {502, 500}, r"signal|SIGSEGV"),
    "no-colon": (r"printf 'Content-Type: text/plain\nnonsense\n\nx'", {502, 500}, r"colon|field|head"),
    "binary": ("head -c 5000 /dev/urandom", {502, 500}, r"head|field|line"),
    "endless-head": ("printf 'X: '; head -c 10000000 /dev/zero | tr '\\0' x", {502, 500}, r"head.*(long|large|limit|bytes)|too"),
    "two-status": (r"printf 'Status: 200\nStatus: 404\nContent-Type: text/plain\n\n'", {502, 500}, r"Status"),
    "two-location": (r"printf 'Location: http://a/\nLocation: http://b/\n\n'", {502, 500}, r"Location"),
    "bad-status": (r"printf 'Status: 99 Low\nContent-Type: text/plain\n\n'", {502, 500}, r"Status|status"),
    "interim-status": (r"printf 'Status: 100 Continue\nContent-Type: text/plain\n\n'", {502, 500}, r"Status|status"),
    "two-lengths": (r"printf 'Content-Length: 1\nContent-Length: 2\nContent-Type: text/plain\n\nxx'", {502, 500}, r"Content-Length"),
    "bad-length": (r"printf 'Content-Length: x5\nContent-Type: text/plain\n\nxx'", {502, 500}, r"Content-Length"),
    "cr-in-field": (r"printf 'X: a\rSet-Cookie: b\nContent-Type: text/plain\n\n'", {502, 500}, r"CR|control|field|line"),
    "unfinished": (r"printf 'Content-Type: text/plain\n'", {502, 500}, r"head"),
    "no-interpreter": ("#!/no/such/interpreter\n", {500, 502}, r"/no/such/interpreter|interpreter"),
    "no-shebang": ("\x7fELF", {500, 502}, r"exec|format"),
    "slow": ("sleep 60", {504}, r"time"),
    "deaf": ("trap '' TERM; sleep 60; sleep 60", {504}, r"time"),
    "closed-output": ("exec >&-; sleep 60", {502, 500, 504}, r"output|head|time"),
}


@pytest.fixture(scope="module")
def server(shared):
    for name, (text, _, _) in FAILURES.items():
        path = shared.place.script(name, text)
        if name == "no-shebang":
            path.write_bytes(b"\x7fELF is not enough")
    for name, text in OTHERS.items():
        shared.place.script(name, text)
    if IS_ROOT:
        shared.place.script("closed/x", "exit 0")
    return shared(CONFIGURATION)


@pytest.mark.parametrize("name", FAILURES)
def test_failure_is_explained(server, name):
    """Done when: 500/502/504 with an id for the client; in the log under that id the journey."""
    _, statuses, why = FAILURES[name]
    before = len(server.errors())
    answer = server.get(f"/cgi-bin/{name}", "Accept: text/html")
    assert answer.status in statuses, answer
    line = server.last_access(f"/cgi-bin/{name}")
    assert re.search(why, line["trouble"], re.I), line
    identity = line["id"].lstrip("0")
    assert identity in answer.text, "the page does not show the request's id"
    assert str(server.place.path) not in answer.text, "the page shows what only the log should"
    said = eventually("the journey is in the log", lambda: text if identity in (text := server.errors()[before:]) else None)
    journey = [part for part in said.split("\n") if identity in part]
    assert any(re.search(why, part, re.I) for part in journey) or re.search(why, said, re.I), said


def test_last_words_are_in_the_journey(server):
    server.get("/cgi-bin/status-3")
    identity = server.last_access("/cgi-bin/status-3")["id"].lstrip("0")
    server.wait_for_error(rf"{identity}[\s\S]*last words")
    server.wait_for_error(rf"{identity}[\s\S]*status 3")


def test_the_page_shows_the_journey_in_development_only(start, place):
    place.script("broken", "echo 'the reason why' >&2; exit 3")
    server = start(CONFIGURATION + "\n    [server]\n    dev = true")
    page = server.get("/cgi-bin/broken", "Accept: text/html")
    assert page.status in (500, 502)
    assert "the reason why" in page.text and "status 3" in page.text
    server.stop()
    hidden = start(CONFIGURATION)
    assert "the reason why" not in hidden.get("/cgi-bin/broken", "Accept: text/html").text


OTHERS = {
    "half-then-fail": r"printf 'Content-Type: text/plain\nContent-Length: 100\n\nhalf'; exit 1",
    "chunked-then-kill": r"printf 'Content-Type: text/plain\n\nhalf'; sleep 0.2; kill -KILL $$",
    "half-then-hang": r"printf 'Content-Type: text/plain\n\nhalf'; sleep 60",
    "endless": r"printf 'Content-Type: text/plain\n\n'; exec cat /dev/zero",
    "grandchild-holds": r"printf 'Content-Type: text/plain\n\ndone'; sleep 61 & exit 0",
    "background": r"printf 'Content-Type: text/plain\n\ndone'; (sleep 62 >/dev/null 2>&1 </dev/null &) ; exit 0",
    "family": "sleep 63 & sleep 64 & trap '' TERM; wait; wait",
    "tell-pid": r"printf 'Content-Type: text/plain\n\n%d\n' $$; exec sleep 65",
    "escapes": r"printf 'forged\033[2J\r\nline\n' >&2; printf 'Content-Type: text/plain\n\nok'",
    "quick": r"printf 'Content-Type: text/plain\n\nquick'",
}


def sleepers(server) -> list[int]:
    return [pid for pid in descendants_of(os.getpid())
            if is_alive(pid) and re.match(r"sleep 6[0-9]", title_of(pid))]


@pytest.mark.parametrize("name, why", [("half-then-fail", "Content-Length"), ("chunked-then-kill", "signal 9"),
                                       ("half-then-hang", "time limit")])
def test_half_an_answer_is_never_a_whole_one(server, name, why):
    """RFC 9112 section 8: the connection is ended without the last chunk. Both logs say why."""
    with server.connect() as connection:
        server.count()
        connection.send(request("GET", f"/cgi-bin/{name}", "Connection: close"))
        try:
            whole = connection.read_to_end()
        except ConnectionResetError:
            whole = b""
        assert not whole.endswith(b"0\r\n\r\n") and b"HTTP/1.1 5" not in whole[4:]
    line = server.last_access(f"/cgi-bin/{name}")
    assert line["status"] == 502 or not line["complete"]
    assert why in line["trouble"]
    server.wait_for_error(rf"{line['id'].lstrip('0')} from .*{why}")


@pytest.mark.parametrize("name", ["slow", "deaf", "family", "half-then-hang"])
def test_time_limit_ends_the_whole_group(server, name):
    """TERM, then KILL to the group; nobody stays."""
    started = time.monotonic()
    with server.connect() as connection:
        server.count()
        connection.send(request("GET", f"/cgi-bin/{name}"))
        try:
            connection.read_to_end() if "half" in name else connection.read_answer()
        except (ConnectionError, AssertionError):
            pass
    assert time.monotonic() - started < 4 * SLOWNESS
    eventually("the group has ended", lambda: not sleepers(server), 8)


def test_endless_output_ends_with_the_client(server):
    """Principle 9: a client that left ends the program."""
    with server.connect() as connection:
        server.count()
        connection.send(request("GET", "/cgi-bin/endless"))
        assert connection.read_head().status == 200
        connection.read_exactly(1_000_000)
    eventually("the program has ended", lambda: not [
        pid for pid in descendants_of(server.pid) if is_alive(pid) and name_of(pid) == "cat"], 1.2)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_client_that_left_ends_the_program(start, place, how):
    place.script("wait", "exec sleep 66")
    server = start(CONFIGURATION.replace("1500ms", "60s"))
    connection = server.connect()
    server.count()
    connection.send(request("GET", "/cgi-bin/wait"))
    eventually("the program runs", lambda: sleepers(server))
    connection.reset() if how == "reset" else connection.close()
    eventually("the program has ended", lambda: not sleepers(server), 8)
    line = server.wait_for_access()[-1]
    assert (line["status"], line["complete"]) == (0, False)
    assert "left" in line["trouble"] and " error " not in server.errors()


def test_grandchild_that_holds_the_output(server):
    """The program has exited; what still holds its output open is waited for only for a while."""
    answer = server.get("/cgi-bin/grandchild-holds")
    assert answer.text == "done"
    eventually("nobody is left", lambda: not sleepers(server), 10)


def test_background_process_of_a_program(server):
    """The answer does not wait for it; it ends with its group."""
    started = time.monotonic()
    assert server.get("/cgi-bin/background").text == "done"
    assert time.monotonic() - started < 1 * SLOWNESS
    eventually("nobody is left", lambda: not sleepers(server), 10)


def test_errors_cannot_forge_the_log(server):
    """HAProxy 2026-08: CR, LF and ESC are escaped."""
    assert server.get("/cgi-bin/escapes").text == "ok"
    identity = server.last_access("/cgi-bin/escapes")["id"].lstrip("0")
    server.wait_for_error(rf"{identity}.*forged")
    assert "\x1b" not in server.errors()
    assert not re.search(r"(?m)^line", server.errors())


@pytest.mark.skipif(not IS_ROOT, reason="needs root: a directory that the server's user may not enter")
def test_program_that_may_not_be_reached(start, place):
    place.script("closed/x", "exit 0")
    place.script("quick", OTHERS["quick"])
    (place / "cgi-bin/closed").chmod(0o700)
    server = start(CONFIGURATION + '\n    [server]\n    user = "www-data"')
    assert server.get("/cgi-bin/closed/x").status in (403, 404, 500)
    assert server.get("/cgi-bin/quick").text == "quick"


# --- limits: at most N at once, then a bounded queue with a deadline ----------------------------------------------------

LIMITED = """
    [[route]]
    path = "/cgi-bin/"
    app = "programs"
    [workers]
    threads = 1
    [app.programs]
    root = "cgi-bin"
    concurrency = 2
    queue = 2
    queue_time = "{queue_time}"
"""


def together(server, targets: list[str]) -> list:
    answers: list = [None] * len(targets)

    def ask(index: int):
        answers[index] = server.get(targets[index])

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(len(targets))]
    for thread in threads:
        thread.start()
        time.sleep(0.02)  # so that they arrive in this order
    for thread in threads:
        thread.join(30)
    return answers


def test_too_many_at_once(start, place):
    """Two run, two wait, the rest get 503 with Retry-After at once."""
    place.script("second", r"sleep 1; printf 'Content-Type: text/plain\n\nok'")
    server = start(LIMITED.format(queue_time="20s"))
    started = time.monotonic()
    answers = together(server, ["/cgi-bin/second"] * 6)
    assert sorted(answer.status for answer in answers) == [200, 200, 200, 200, 503, 503]
    assert all(int(answer["Retry-After"]) >= 1 for answer in answers if answer.status == 503)
    assert time.monotonic() - started > 1.9
    assert any(re.search("too many", line.get("trouble", "")) for line in server.wait_for_access())


def test_queue_has_a_deadline(start, place):
    place.script("long", r"sleep 1.5; printf 'Content-Type: text/plain\n\nok'")
    server = start(LIMITED.format(queue_time="300ms"))
    answers = together(server, ["/cgi-bin/long"] * 3)
    assert [answer.status for answer in answers] == [200, 200, 503]
    assert "Retry-After" in answers[2]


def test_who_left_the_queue_is_not_served(start, place):
    """Principle 9: work for a client that has gone is dropped where it waits."""
    place.script("mark", r"""echo x >>"$MARKS"; sleep 0.7; printf 'Content-Type: text/plain\n\nok'""")
    place.file("marks", "", 0o666)
    server = start(LIMITED.format(queue_time="20s").replace(
        "concurrency = 2", f'concurrency = 1\nenvironment = {{ MARKS = "{place / "marks"}" }}'))
    first, waiting = server.connect(), server.connect()
    server.count(2)
    first.send(request("GET", "/cgi-bin/mark"))
    eventually("the first runs", lambda: (place / "marks").read_text() == "x\n")
    waiting.send(request("GET", "/cgi-bin/mark"))
    time.sleep(0.1)
    waiting.reset()
    assert first.read_answer().text == "ok"
    first.close()
    assert server.get("/cgi-bin/mark").text == "ok"
    assert (place / "marks").read_text() == "x\nx\n"
