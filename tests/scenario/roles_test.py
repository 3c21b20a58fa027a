# SPDX-License-Identifier: Apache-2.0
"""Authorizers and filters (FastCGI 1.0, sections 6.3 and 6.4) before files and before other applications."""

import os
import threading

import pytest

import harness
from applications import compiled, owner_lines
from harness import needs
from wire import request

pytestmark = needs("/usr/include/fcgiapp.h")
TEXT = "the quick brown fox\n"
GOOD = "X-Ticket: good"

CONFIGURATION = """
    {owner}
    [[route]]
    path = "/guarded/"
    files = "site"
    authorize = "guard"
    [[route]]
    path = "/guarded-app/"
    app = "application"
    authorize = "guard"
    [[route]]
    path = "/guarded-away/"
    redirect = "http://elsewhere.example/"
    authorize = "guard"
    [[route]]
    path = "/loud/"
    files = "site"
    filter = "capitals"
    [[route]]
    path = "/guarded-loud/"
    files = "site"
    filter = "capitals"
    authorize = "guard"
    [app.guard]
    type = "fastcgi"
    role = "authorizer"
    program = "authorizer"
    time_limit = "1500ms"
    sendfile_roots = ["gates"]
    instances = {{ min = 1, max = 4 }}
    [app.capitals]
    type = "fastcgi"
    role = "filter"
    program = "filter"
    instances = {{ max = 2 }}
    [app.application]
    type = "fastcgi"
    program = "application"
    sendfile_roots = ["site"]
"""


@pytest.fixture(scope="module")
def server(shared):
    for name in ("authorizer", "filter", "application"):
        compiled(shared.place, name)
    shared.place.file("site/text.txt", TEXT)
    shared.place.file("gates/closed.txt", "closed\n")
    shared.place.file("site/large.txt", "abcdefgh" * 500_000)
    return shared(CONFIGURATION.format(owner=owner_lines('[server]\n    user = "{0}"')))


def environment_of(answer) -> dict[str, str]:
    return dict(line.split("=", 1) for line in answer.text.splitlines() if "=" in line)


# --- authorizer -------------------------------------------------------------------------------------------------------


def test_files_behind_an_authorizer(server):
    assert server.get("/guarded/text.txt", GOOD).text == TEXT
    part = server.get("/guarded/text.txt", GOOD, "Range: bytes=4-8")
    assert (part.status, part.text) == (206, "quick")


def test_refusal_is_the_authorizers_own(server):
    """Another status than 200 is the answer, with its fields and its body."""
    for target in ("/guarded/text.txt", "/guarded-app/environment", "/guarded-away/", "/guarded/there-is-none"):
        answer = server.get(target)
        assert (answer.status, answer.text, answer["X-Why"]) == (403, "no ticket, no ride\n", "ticket")
    with server.connect() as connection:
        server.count(2)
        head = connection.ask(request("HEAD", "/guarded/text.txt"))
        assert head.status == 403 and head.body == b""
        assert connection.ask(request("GET", "/guarded/text.txt", GOOD)).text == TEXT


def test_variables_reach_what_follows(server):
    """Variable-NAME becomes NAME, and what the client sends under that name does not count."""
    found = environment_of(server.get("/guarded-app/environment", GOOD, "Ticket-Holder: somebody else"))
    assert found["TICKET_HOLDER"] == "rider"
    assert found["FCGI_ROLE"] == "RESPONDER"
    assert "Variable-TICKET_HOLDER" not in str(server.get("/guarded/text.txt", GOOD).fields)


def test_variables_replace_none_of_the_servers(server):
    found = environment_of(server.get("/guarded-app/environment", "X-Ticket: odd"))
    assert found["TICKET_HOLDER"] == "odd" and found["REMOTE_ADDR"] == "127.0.0.1"


def test_body_reaches_what_follows(server):
    """The authorizer sees no body (section 6.3)."""
    body = os.urandom(300_000)
    answer = server.post("/guarded-app/echo", body, GOOD)
    assert (answer.status, answer.body) == (200, body)
    assert server.post("/guarded-app/echo", body).status == 403


def test_redirect_behind_an_authorizer(server):
    assert server.get("/guarded-away/", GOOD)["Location"].startswith("http://elsewhere.example/")


def test_each_names_files_below_its_own_roots(server):
    """The authorizer has its own sent, before whatever it stands, and none of the application's."""
    for target in ("/guarded-app/environment", "/guarded/text.txt", "/guarded-away/"):
        own = server.get(target, "X-Ticket: file", f"X-File: {server.place.path}/gates/closed.txt")
        assert (own.status, own.text) == (403, "closed\n"), target  # a refusal stays one
        again = server.get(target, "X-Ticket: file", f"X-File: {server.place.path}/gates/closed.txt",
                           f"If-None-Match: {own['ETag']}", "Range: bytes=0-1")
        assert (again.status, again.text) == (403, "closed\n"), target
        other = server.get(target, "X-Ticket: file", f"X-File: {server.place.path}/site/text.txt")
        assert other.status == 502 and TEXT not in other.text, target
    sent = server.get(f"/guarded-app/sendfile?{server.place.path}/site/text.txt", GOOD)
    assert (sent.status, sent.text) == (200, TEXT)
    assert server.get(f"/guarded-app/sendfile?{server.place.path}/gates/closed.txt", GOOD).status == 502


@pytest.mark.parametrize("ticket, statuses", [("gone", {500, 502, 503}), ("slow", {504})])
def test_failure_never_allows(server, ticket, statuses):
    """It died or it is late: nobody passes."""
    for target in ("/guarded/text.txt", "/guarded-app/environment"):
        assert server.get("/guarded/text.txt", GOOD).text == TEXT  # one that has answered is no failed start
        answer = server.get(target, f"X-Ticket: {ticket}")
        assert answer.status in statuses and TEXT not in answer.text
    assert server.get("/guarded/text.txt", GOOD).text == TEXT


def test_many_at_once(server):
    """Each gets what its own ticket gives."""
    wrong = []

    def talk(number: int):
        with server.connect() as connection:
            for _ in range(10):
                good = number % 2 == 0
                answer = connection.ask(request("GET", "/guarded/text.txt", *([GOOD] if good else [])))
                if answer.status != (200 if good else 403):
                    wrong.append(answer)

    threads = [threading.Thread(target=talk, args=(number,)) for number in range(10)]
    server.count(100)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30 * harness.SLOWNESS)
    assert not wrong, wrong[:2]


# --- filter -----------------------------------------------------------------------------------------------------------


def test_file_goes_through_the_filter(server):
    """Its bytes, its length and the time of its last change."""
    answer = server.get("/loud/text.txt")
    path = server.place / "site/text.txt"
    assert (answer.status, answer.text) == (200, TEXT.upper())
    assert answer["X-Length"] == str(len(TEXT)) and answer["X-Changed"] == str(int(path.stat().st_mtime))


def test_large_file_goes_through_the_filter(server):
    answer = server.get("/loud/large.txt")
    assert answer.status == 200 and answer.body == b"ABCDEFGH" * 500_000


def test_nothing_of_the_file_itself_leaks(server):
    """Length, validators and ranges are of bytes that nobody is sent."""
    answer = server.get("/loud/text.txt", "Range: bytes=0-3")
    assert (answer.status, answer.text) == (200, TEXT.upper())
    assert "ETag" not in answer and "Accept-Ranges" not in answer and "Content-Range" not in answer
    assert server.head("/loud/text.txt").status == 200


def test_other_answers_pass(server):
    assert server.get("/loud/there-is-none").status == 404
    assert server.ask(request("DELETE", "/loud/text.txt")).status == 405


def test_guarded_and_filtered(server):
    assert server.get("/guarded-loud/text.txt").status == 403
    assert server.get("/guarded-loud/text.txt", GOOD).text == TEXT.upper()
