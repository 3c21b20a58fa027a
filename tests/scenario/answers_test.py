# SPDX-License-Identifier: Apache-2.0
"""What a FastCGI program may say beside content: a file by name, another address, hints; and where its bytes wait.

The program is real (libfcgi, in the pool, and under spawn-fcgi at an IPv6 address); files stay inside their roots.
"""

import os
import subprocess
import time

import pytest

import control
import harness
from applications import Others, compiled, owner_lines
from harness import IS_ROOT, needs
from processes import eventually
from wire import request

pytestmark = needs("/usr/include/fcgiapp.h")

CONFIGURATION = """
    {owner}
    [[route]]
    path = "/protected/"
    files = "protected"
    internal = true
    [[route]]
    path = "/app/"
    app = "app"
    [[route]]
    path = "/"
    files = "site"
    [app.app]
    type = "fastcgi"
    {program}
    sendfile_roots = ["protected"]
    {options}
"""
POOL = 'program = "application"'


@pytest.fixture
def app(start, place):
    """app(options, program) starts a server with the application."""
    compiled(place, "application")
    place.file("protected/report.txt", "for members only\n")
    place.file("secret.txt", "for nobody\n")
    place.file("site/page.html", "a page\n")
    os.symlink(place / "secret.txt", place / "protected/link.txt")

    def begin(options: str = "", program: str = POOL):
        owner = owner_lines('[server]\n    user = "{0}"')
        return start(CONFIGURATION.format(owner=owner, program=program, options=options))

    return begin


# --- content from elsewhere -------------------------------------------------------------------------------------------


def test_sendfile(app, place):
    server = app()
    target = f"/app/sendfile?{place.path}/protected/report.txt"
    answer = server.get(target)
    assert (answer.status, answer.text) == (200, "for members only\n")
    assert answer.get("Content-Type") == "text/x-mine" and answer.get("Set-Cookie") == "seen=1"
    assert answer.get("Content-Length") == "17" and answer.get("X-Sendfile") is None
    assert answer.get("ETag"), "it is a file like any other"
    part = server.get(target, "Range: bytes=4-10")
    assert (part.status, part.text) == (206, "members")


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret.txt", "{place}/secret.txt", "{place}/protected/../secret.txt",
                                  "report.txt", "{place}/protected/link.txt", "{place}/protected2/x", "{place}/protected"])
def test_sendfile_stays_inside_its_roots(app, place, name):
    os.makedirs(place / "protected2", exist_ok=True)
    place.file("protected2/x", "a neighbour\n")
    server = app()
    answer = server.get(f"/app/sendfile?{name.format(place=place.path)}")
    assert answer.status in (404, 502) and "nobody" not in answer.text and "root:" not in answer.text


def test_accel_redirect(app):
    server = app()
    answer = server.get("/app/accel?/protected/report.txt")
    assert (answer.status, answer.text) == (200, "for members only\n")
    assert answer.get("Content-Type") == "text/x-mine" and answer.get("Set-Cookie") == "seen=1"
    assert answer.get("X-Accel-Redirect") is None
    assert server.get("/protected/report.txt").status == 404, "for clients it is not there"
    assert server.get("/app/accel?/page.html").text == "a page\n"
    assert server.get("/app/accel?/nothing").status == 404
    assert server.get("/app/accel?/protected/link.txt").status in (403, 404)


@pytest.mark.parametrize("path", ["/protected/../../x", "/a%00", "/%zz"])
def test_accel_redirect_to_what_is_no_path(app, path):
    """The client is not told that its own request was wrong."""
    server = app()
    answer = server.get(f"/app/accel?{path}")
    assert answer.status == 502 and "not valid HTTP" not in answer.text
    assert "the application named a path that is none" in server.last_access()["trouble"]
    server.wait_for_error(r"named a path that is none \(.*\): /")


def test_accel_redirects_end(app):
    """One that leads to itself."""
    assert app().get("/app/accel?/app/accel?/app/accel").status in (404, 500, 502, 508)


def test_early_hints(app):
    """They come before the answer is there, to those who can read them."""
    server = app()
    with server.connect() as connection:
        server.count()
        connection.send(request("GET", "/app/hints"))
        started = time.monotonic()
        hints = connection.read_head()
        came = time.monotonic() - started
        assert (hints.status, hints.get("Link")) == (103, "</style.css>; rel=preload")
        answer = connection.read_answer()
        assert (answer.status, answer.text) == (200, "hinted\n")
        assert time.monotonic() - started - came > 0.05
    with server.connect() as connection:
        server.count()
        connection.send(b"GET /app/hints HTTP/1.0\r\nHost: a\r\n\r\n")
        assert connection.read_head().status == 200, "HTTP/1.0 knows no interim answers"


def test_many_early_hints(app):
    server = app('head_limit = "128KiB"')
    with server.connect() as connection:
        server.count()
        connection.send(request("GET", "/app/hints?30"))
        hints = connection.read_head()
        assert (hints.status, len(hints.all("Link"))) == (103, 31)
        assert connection.read_answer().text == "hinted\n"
    answer = server.get("/app/hints?80")
    assert (answer.status, answer.text) == (200, "hinted\n"), "more than 64 KiB are dropped"
    assert "interim answer was dropped" in server.last_access("/app/hints?80")["trouble"]
    server.wait_for_error("interim answer was dropped")


# --- who answers ------------------------------------------------------------------------------------------------------


def test_sticky_cookie(app):
    """The same process for the same cookie, whatever else is asked meanwhile."""
    server = app('sticky_cookie = "session"\n    instances = { min = 4, max = 4 }\n    [workers]\n    threads = 1')
    eventually("all four are ready", lambda: len(control.instances(server, "app", "ready")) == 4)
    seen = set()

    def stays(session: str) -> bool:
        answers = {server.get("/app/slow?1", f"Cookie: other=1; session={session}").text for _ in range(8)}
        seen.update(answers if len(answers) == 1 else ())
        return len(answers) == 1

    for session in "abcdefgh":  # a new process is asked what it can take after its first answer, and has no room meanwhile
        eventually(f"{session} stays", lambda: stays(session), every=0.05)
        assert stays(session)
    assert len(seen) > 1, "not all of them at one"


def test_peer_at_ipv6(app, place):
    try:
        port = harness.free_port("::1")
    except OSError:
        pytest.skip("no IPv6 here")
    with Others(place) as others:
        compiled(place, "application")
        others.spawn_fcgi("six", f"::1:{port}", place / "application")
        server = app(program=f'model = "remote"\n    peers = ["[::1]:{port}"]')
        for _ in range(5):
            answer = server.get("/app/hello")
            assert (answer.status, answer.text) == (200, "hello\n"), server.errors()[-2000:]


# --- disks that are full ----------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(place):
    """64 KiB of it."""
    disk = place.directory("disk")
    mounted = IS_ROOT and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=1777", "none", str(disk)],
                                         capture_output=True).returncode == 0
    if not mounted:
        pytest.skip("needs to mount a small file system")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_body_on_a_full_disk(app, small_disk):
    """The request is refused with what is wrong in the log; the next one is served."""
    server = app(f'spool_directory = "{small_disk}"\n    spool_above = "16KiB"')
    answer = server.post("/app/echo", b"x" * 1_000_000)
    assert answer.status in (500, 507)
    eventually("the log says why", lambda: "No space left on device" in server.errors())
    assert server.post("/app/echo", b"small").text == "small"
    assert os.listdir(small_disk) == []


def test_answer_on_a_full_disk(app, small_disk):
    """The application waits for its client as if there were no disk, or the answer is cut; nobody else is touched."""
    server = app(f'spool_directory = "{small_disk}"\n    response_buffer = "64KiB"\n    instances = {{ max = 2 }}')
    with server.connect(receive_buffer=4096) as connection:
        server.count()
        connection.send(request("GET", "/app/big?50000000"))
        connection.read_head()
        for _ in range(10):
            assert server.get("/app/hello").text == "hello\n"
    eventually("its process is free or another", lambda: server.get("/app/hello").status == 200)


@pytest.mark.skipif(not IS_ROOT, reason="root writes everywhere, so another user serves")
def test_spool_directory_that_nobody_may_write_to(app, place):
    closed = place.directory("closed")
    os.chmod(closed, 0o555)
    server = app(f'spool_directory = "{closed}"\n    spool_above = "16KiB"')
    answer = server.post("/app/echo", b"x" * 100_000)
    assert answer.status == 500
    eventually("the log says where", lambda: f"could not be kept in {closed}" in server.errors())
    assert server.post("/app/echo", b"small").text == "small"
