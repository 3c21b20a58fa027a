# SPDX-License-Identifier: Apache-2.0
"""PSGI applications under each model: what PSGI 1.1 asks of a server, and Plack's own suite over HTTP."""

import shutil
import subprocess
from pathlib import Path

import pytest
import wire
from harness import SLOWNESS, needs
from loaded import MODELS, is_cut, needs_loader, text, variables
from processes import eventually, is_alive

SOURCES = Path(__file__).parent / "applications/psgi"
pytestmark = needs_loader("perl/remuda_psgi.pl", "libperl-dev")


def serve(start, place, model: str, entry: str = "app.psgi", more: str = "", **options):
    folder = place.directory("application")
    for source in SOURCES.glob("*.psgi"):
        shutil.copy2(source, folder)
    instances = "instances = { min = 1, max = 2 }" if model == "pool" else ""
    return start(f"""
        [app.site]
        type = "psgi"
        model = "{model}"
        root = "application"
        entry_point = "{entry}"
        {instances}
        {more}
        [[route]]
        path = "/"
        app = "site"
    """, **options)


@pytest.fixture(scope="module", params=MODELS)
def site(shared, request):
    return serve(shared, shared.place, request.param)


def test_the_environment(site):
    found = variables(site, "/environment?a=%20b&c", "X-Some-Thing: 1", "Content-Type: ")
    wanted = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/environment", "QUERY_STRING": "a=%20b&c",
              "REQUEST_URI": "/environment?a=%20b&c", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_X_SOME_THING": "1",
              "psgi.version": "ARRAY", "psgi.url_scheme": "http", "psgi.multithread": "", "psgi.multiprocess": "1",
              "psgi.nonblocking": "", "psgi.streaming": "1"}  # fmt: skip
    assert wanted.items() <= found.items()
    assert not {"CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_CONTENT_TYPE"} & found.keys()
    assert found["psgi.run_once"] in ("", "1")


@pytest.mark.parametrize("path, status, body", [
    ("/delayed", 201, b"later"),
    ("/stream", 200, b"part 1\npart 2\npart 3\n"),
    ("/object", 200, b"1\n2\n3\n"),
    ("/empty", 204, b""),
    ("/not-modified", 304, b""),
    ("/no-such-page", 404, b"no such page"),
])  # fmt: skip
def test_answers(site, path, status, body):
    answer = site.get(path)
    assert (answer.status, answer.body) == (status, body)


def test_head_has_the_length_and_no_body(site):
    answer = site.head("/process")
    assert answer.status == 200 and int(answer["content-length"]) > 3 and answer.body == b""
    assert site.head("/file").status == 200


def test_a_file_is_sent_whole(site):
    assert site.get("/file").body == Path("/bin/sh").read_bytes()


def test_several_headers_of_one_name(site):
    assert site.get("/cookies").all("set-cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize("path", ["/dies", "/wide", "/line-end", "/nothing", "/never"])
def test_a_failure_before_the_answer_is_a_page_and_a_line_of_the_log(site, path):
    answer = site.get(path)
    assert answer.status == 500 and b"reason" not in answer.body and "set-cookie" not in answer
    site.wait_for_error("the reason|wide character|line end|neither an array|did not answer")


@pytest.mark.parametrize("path", ["/half", "/without-close", "/object-dies"])
def test_a_failure_within_the_answer_is_never_taken_for_its_end(site, path):
    assert is_cut(site, path)


@pytest.mark.parametrize("size", [0, 1, 3, 65536, 65537, 3_000_000])
def test_bodies(site, size):
    body = bytes(range(256)) * (size // 256) + bytes(range(size % 256))
    found = text(site.post("/body", body)).split(" ", 2)
    assert [int(found[0]), int(found[1])] == [size, sum(body) % 65536]
    assert found[2] == ("no" if size > 65536 else body[:3].decode())


def test_a_body_in_chunks(site):
    for body in (b"abc", b"x" * 70000):
        pieces = wire.chunked(body[:2], body[2:])
        found = text(site.ask(wire.request("POST", "/body", "Transfer-Encoding: chunked") + pieces)).split(" ", 2)
        assert [int(found[0]), int(found[1])] == [len(body), sum(body) % 65536]


def test_lines_of_a_body(site):
    lines = [b"x" * size + b"\n" for size in (0, 10, 70000, 200000, 5)] + [b"tail"]
    assert text(site.post("/lines", b"".join(lines))) == " ".join(str(len(line)) for line in lines)


def test_errors_go_to_the_log(site):
    site.get("/log")
    site.wait_for_error("for the log")


def test_each_fork_is_its_own(start, place):
    server = serve(start, place, "fork")
    found = [text(server.get("/process")).split() for _ in range(4)]
    assert len({pid for pid, *_ in found}) == 4 and len({chance for *_, chance in found}) == 4
    assert all(pid == forked and pid != template for pid, template, forked, _ in found)


def test_cleanup_and_close(start, place):
    server = serve(start, place, "pool")
    before = int(text(server.get("/closed")))
    server.get("/object")
    server.get("/cleanup")
    found = {int(text(server.get("/closed"))) for _ in range(4)}
    assert before == 0 and max(found) in (1, 100, 101)


def test_harakiri(start, place):
    server = serve(start, place, "pool")
    pid = int(text(server.get("/harakiri")))
    eventually("the instance has ended", lambda: not is_alive(pid), 5 * SLOWNESS)
    assert text(server.get("/process"))


def test_a_client_that_leaves_ends_the_request(site):
    with site.connect() as connection:
        site.count()
        connection.send(wire.request("GET", "/endless"))
        connection.read_exactly(100000)
    assert text(site.get("/process"))


def test_the_page_shows_what_failed_while_developing(start, place):
    server = serve(start, place, "pool", more="[server]\ndev = true")
    answer = server.get("/dies")
    assert answer.status == 500 and b"the reason" in answer.body


def test_a_changed_application_is_loaded(start, place):
    server = serve(start, place, "fork")
    server.get("/process")
    (place / "application/app.psgi").write_text("sub { [200, ['Content-Type', 'text/plain'], ['new']] };")
    eventually("the new one serves", lambda: server.get("/process").body == b"new", 5 * SLOWNESS)


@pytest.mark.parametrize("model", MODELS)
def test_the_suite_of_plack(start, place, model):
    """All but one: Remuda takes repeated slashes of a path for one, before routes are looked at."""
    server = serve(start, place, model, "suite.psgi", "pass_authorization = true")
    server.counting = False
    done = subprocess.run(["/usr/bin/perl", str(SOURCES / "suite.pl"), str(server.port)], capture_output=True, text=True,
                          timeout=120 * SLOWNESS)  # fmt: skip
    failed = [line for line in done.stdout.splitlines() if line.startswith("not ok")]
    assert done.stdout.count("\nok ") == 35 and failed == ["not ok 36 - 35 repeated slashes"], done.stdout + done.stderr


@pytest.mark.parametrize("model", MODELS)
@needs("/usr/share/doc/libmojolicious-perl")
def test_mojolicious(start, place, model):
    server = serve(start, place, model, "mojo.psgi")
    assert text(server.get("/hello/world")) == "Hello world"
    answer = server.post("/basket", b"count=3", "Content-Type: application/x-www-form-urlencoded")
    assert answer.status == 302
    cookie = answer["Set-Cookie"].split(";")[0]
    assert text(server.get("/basket", f"Cookie: {cookie}")) == "basket 3"
    form = (b'--x\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n\r\n' + b"p" * 500_000 +
            b"\r\n--x--\r\n")  # fmt: skip
    assert text(server.post("/picture", form, "Content-Type: multipart/form-data; boundary=x")) == "a.png 500000"
    assert server.get("/nowhere").status == 404
    assert server.get("/fails").status == 500
    server.wait_for_error("the reason")
