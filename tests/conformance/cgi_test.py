# SPDX-License-Identifier: Apache-2.0
"""CGI/1.1 (RFC 3875), as a table: what a program is told, and what becomes of what it says."""

import json
import os
import re
import time

import pytest

import wire
from harness import SLOWNESS
from wire import chunked, request

BOTH_MODELS = True

TELL = """#!/usr/bin/python3 -SE
import json, os, sys
body = sys.stdin.buffer.read()
descriptors = {}
for name in os.listdir("/proc/self/fd"):
    try: descriptors[int(name)] = os.readlink("/proc/self/fd/" + name)
    except OSError: pass
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
umask = os.umask(0)
print("Content-Type: application/json\\r\\n\\r")
print(json.dumps({"environment": {os.fsdecode(k): v for k, v in os.environ.items()}, "arguments": sys.argv[1:],
    "body": body.decode("latin-1"), "directory": os.getcwd(), "descriptors": descriptors, "umask": umask,
    "blocked": status["SigBlk"], "ignored": status["SigIgn"], "group": os.getpgrp() == os.getpid()}))
"""

CONFIGURATION = """
    [[route]]
    path = "/cgi-bin/"
    app = "programs"
    [[route]]
    path = "/auth/"
    app = "trusted"
    [[route]]
    path = "/slash/"
    app = "slashed"
    [[route]]
    path = "/one/"
    app = "one"
    [[route]]
    path = "/small/"
    app = "small"
    [[route]]
    path = "/"
    files = "site"
    [app.programs]
    type = "cgi"
    root = "cgi-bin"
    environment = { CONFIGURED = "yes", REQUEST_METHOD = "WRONG", SERVER_NAME = "WRONG" }
    [app.trusted]
    root = "cgi-bin"
    pass_authorization = true
    [app.slashed]
    root = "cgi-bin"
    allow_encoded_slash = true
    [app.one]
    program = "cgi-bin/tell"
    [app.small]
    root = "cgi-bin"
    body = "1KiB"
"""


@pytest.fixture(scope="module")
def server(shared):
    place = shared.place
    place.file("site/page.html", "a page")
    place.script("tell", TELL)
    place.script("deep/er/tell", TELL)
    place.script("with space", TELL)
    place.file("cgi-bin/data.txt", "SECRET: not a program", 0o644)
    place.file("cgi-bin/source.sh", "#!/bin/sh\necho SECRET", 0o644)
    place.file("outside", "#!/bin/sh\necho SECRET", 0o755)
    (place / "cgi-bin/outside.lnk").symlink_to("../outside")
    (place / "cgi-bin/inside.lnk").symlink_to("tell")
    place.script(".hidden", TELL)
    for name, text in SCRIPTS.items():
        place.script(name, text)
    return shared(CONFIGURATION, environment={"FROM_THE_STARTER": "leaks", "LD_DEBUG_OUTPUT": "/dev/null",
                                              "LISTEN_FDNAMES": "leaks"})


def tell(server, target="/cgi-bin/tell", *lines, method="GET", **options) -> dict:
    answer = server.ask(request(method, target, *lines, **options))
    assert answer.status == 200, answer
    return json.loads(answer.body)


def environment(server, *arguments, **options) -> dict:
    return tell(server, *arguments, **options)["environment"]


# --- what the program is told ----------------------------------------------------------------------------------------

def test_meta_variables_of_a_plain_get(server, shared):
    """RFC 3875 section 4.1, and what is usual beside it."""
    with server.connect() as connection:
        local = connection.socket.getsockname()
        server.count()
        told = json.loads(connection.ask(request("GET", "/cgi-bin/tell/a/b?x=1&y", "Accept: */*", host="Test:81")).body)
    env = told["environment"]
    expected = {
        "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_PROTOCOL": "HTTP/1.1", "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "/cgi-bin/tell", "PATH_INFO": "/a/b", "QUERY_STRING": "x=1&y", "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": str(local[1]), "SERVER_ADDR": "127.0.0.1", "REQUEST_URI": "/cgi-bin/tell/a/b?x=1&y",
        "SCRIPT_FILENAME": str(shared.place / "cgi-bin/tell"), "REQUEST_SCHEME": "http", "HTTP_ACCEPT": "*/*",
        "HTTP_HOST": "Test:81", "CONFIGURED": "yes", "REDIRECT_STATUS": "200",
    }
    assert {name: env.get(name) for name in expected} == expected
    assert env["SERVER_NAME"].lower() == "test"
    assert env["SERVER_PORT"] in ("81", str(server.port))
    assert env["SERVER_SOFTWARE"].startswith("Remuda/")
    assert env["PATH_TRANSLATED"].endswith("/a/b")
    assert env["DOCUMENT_ROOT"].startswith("/")
    assert "/bin" in env["PATH"]
    for absent in ("CONTENT_LENGTH", "CONTENT_TYPE", "AUTH_TYPE", "REMOTE_USER", "REMOTE_IDENT", "HTTPS",
                   "FROM_THE_STARTER", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "LD_DEBUG_OUTPUT"):
        assert absent not in env or env[absent] == "" and absent.startswith(("CONTENT", "AUTH", "REMOTE")), absent
    assert told["arguments"] == []


def test_the_process_is_clean(server, shared):
    """RFC 3875 section 7.2: the script's directory, three descriptors, no signal blocked, its own group."""
    told = tell(server, "/cgi-bin/deep/er/tell")
    assert told["directory"] == str(shared.place / "cgi-bin/deep/er")
    assert set(told["descriptors"]) <= {"0", "1", "2", "3"}  # 3 is the listing of the descriptors itself
    assert told["descriptors"].get("3", "/proc").startswith("/proc")
    assert int(told["blocked"], 16) == 0
    assert int(told["ignored"], 16) & ~(1 << 12 | 1 << 24) == 0  # Python itself ignores SIGPIPE and SIGXFSZ
    assert told["group"] and told["umask"] == 0o022


PATHS = [
    ("/cgi-bin/tell", "/cgi-bin/tell", None), ("/cgi-bin/tell/", "/cgi-bin/tell", "/"),
    ("/cgi-bin/tell/a%20b", "/cgi-bin/tell", "/a b"), ("/cgi-bin/deep/er/tell/x/y", "/cgi-bin/deep/er/tell", "/x/y"),
    ("/cgi-bin/with%20space/x", "/cgi-bin/with space", "/x"), ("/cgi-bin/tell/%3f", "/cgi-bin/tell", "/?"),
    ("/cgi-bin/tell/%0a", "/cgi-bin/tell", "/\n"), ("/cgi-bin/tell/%c3%bc", "/cgi-bin/tell", "/ü"),
    ("/cgi-bin/tell/%252e", "/cgi-bin/tell", "/%2e"), ("/one/a", "/one", "/a"), ("/one/", "/one", "/"),
    ("/slash/tell/a%2Fb", "/slash/tell", "/a/b"), ("/cgi-bin/inside.lnk/x", "/cgi-bin/inside.lnk", "/x"),
]


@pytest.mark.parametrize(("target", "script", "path_info"), PATHS, ids=[row[0] for row in PATHS])
def test_path_is_split_at_the_script(server, target, script, path_info):
    """SCRIPT_NAME + PATH_INFO is the decoded path, decoded once (sections 4.1.5, 4.1.13)."""
    env = environment(server, target)
    assert env["SCRIPT_NAME"] == script
    assert env.get("PATH_INFO") == path_info or path_info is None and env.get("PATH_INFO", "") == ""
    assert env["QUERY_STRING"] == "" and env["REQUEST_URI"] == target


NO_PROGRAM = [
    ("/cgi-bin/none", 404), ("/cgi-bin/", {403, 404}), ("/cgi-bin/deep/", {403, 404}), ("/cgi-bin/deep", {403, 404}),
    ("/cgi-bin/data.txt", {403, 404, 500}), ("/cgi-bin/source.sh", {403, 404, 500}), ("/cgi-bin/outside.lnk", {403, 404}),
    ("/cgi-bin/../outside", {400, 403, 404}), ("/cgi-bin/%2e%2e/outside", {400, 403, 404}),
    ("/cgi-bin/tell/a%2Fb", {400, 404}), ("/cgi-bin/.hidden", {403, 404}), ("/cgi-bin/tell%00", {400, 404}),
]


@pytest.mark.parametrize(("target", "statuses"), NO_PROGRAM, ids=[row[0] for row in NO_PROGRAM])
def test_no_program(server, target, statuses):
    """Section 9: out of the root, not executable, a directory; the source is never sent."""
    answer = server.get(target)
    assert answer.status in (statuses if isinstance(statuses, set) else {statuses})
    assert "SECRET" not in answer.text


@pytest.mark.parametrize("query", ["-s", "-d+allow_url_include%3D1", "%ADd+x", "a+b", "--version", "x=y", ""])
def test_query_is_never_an_argument(server, query):
    """PHP CVE-2012-1823; QUERY_STRING is always set, raw."""
    told = tell(server, f"/cgi-bin/tell?{query}")
    assert told["arguments"] == [] and told["environment"]["QUERY_STRING"] == query


def test_fields_become_variables(server):
    """Section 4.1.18: joined, without those that mislead."""
    env = environment(server, "/cgi-bin/tell", "X-One: 1", "X-Two: a", "x-two: b", "Cookie: a=b", "Cookie: c=d",
                      "Proxy: http://evil/", "X_Forwarded_For: evil", "X-Forwarded-For: good", "X.Dot: evil",
                      "Connection: X-Hop", "X-Hop: hop", "Authorization: Basic eDp5", "Redirect-Status: 500",
                      "Bash: () { :;}; echo vulnerable", "Accept-Language: de", "Content-Type: text/x-test",
                      "Keep-Alive: 5", "TE: trailers", "Upgrade: h2c")
    assert env["HTTP_X_ONE"] == "1" and env["HTTP_X_TWO"] == "a, b" and env["HTTP_COOKIE"] == "a=b; c=d"
    assert env["HTTP_X_FORWARDED_FOR"] == "good" and env["HTTP_BASH"] == "() { :;}; echo vulnerable"
    assert env["REDIRECT_STATUS"] == "200"
    for absent in ("HTTP_PROXY", "HTTP_X_DOT", "HTTP_AUTHORIZATION", "HTTP_X_HOP", "HTTP_CONTENT_TYPE",
                   "HTTP_CONTENT_LENGTH", "HTTP_CONNECTION", "HTTP_TRANSFER_ENCODING"):
        assert absent not in env, absent
    assert all(re.fullmatch("[A-Z0-9_a-z]+", name) for name in env)


def test_authorization_where_it_is_wanted(server):
    assert environment(server, "/auth/tell", "Authorization: Basic eDp5")["HTTP_AUTHORIZATION"] == "Basic eDp5"


@pytest.mark.parametrize("method", ["PROPFIND", "MKCOL", "REPORT", "PATCH", "DELETE", "PUT", "x-own", "HEAD"])
def test_method_reaches_the_program_as_it_is(server, method):
    if method == "HEAD":
        assert server.head("/cgi-bin/tell").status == 200
        return
    assert environment(server, method=method)["REQUEST_METHOD"] == method


def test_host_of_an_absolute_target_wins(server):
    env = environment(server, "http://real.test:8000/cgi-bin/tell", host="other")
    assert env["HTTP_HOST"] == "real.test:8000" and env["SERVER_NAME"] == "real.test"


def test_server_name_is_never_empty(server):
    env = environment(server, "/cgi-bin/tell", host=None, version="1.0")
    assert env["SERVER_NAME"] and env["SERVER_PROTOCOL"] == "HTTP/1.0"


def test_body_of_known_length(server):
    told = tell(server, "/cgi-bin/tell", "Content-Type: text/x-test", method="POST", body=b"hello")
    assert told["body"] == "hello"
    assert told["environment"]["CONTENT_LENGTH"] == "5" and told["environment"]["CONTENT_TYPE"] == "text/x-test"


def test_empty_body(server):
    assert environment(server, method="POST", body=b"").get("CONTENT_LENGTH", "") in ("0", "")


@pytest.mark.parametrize("size", [0, 5, 100_000, 3_000_000])
def test_chunked_body_gets_its_exact_length(server, size):
    """Section 4.1.2: spooled above 1 MiB, and the program never sees the coding or the trailers."""
    content = (b"0123456789" * (size // 10 + 1))[:size]
    pieces = [content[i:i + 70_001] for i in range(0, size, 70_001)]
    data = request("POST", "/cgi-bin/tell", "Transfer-Encoding: chunked") + chunked(*pieces, trailers=("X-Late: 1",))
    told = json.loads(server.ask(data).body)
    assert told["body"].encode() == content
    assert told["environment"]["CONTENT_LENGTH"] == str(size)
    assert "HTTP_TRANSFER_ENCODING" not in told["environment"] and "HTTP_X_LATE" not in told["environment"]


def test_body_with_expect(server):
    """100 is sent when, and only when, the body is wanted."""
    with server.connect() as connection:
        server.count()
        connection.send(request("POST", "/cgi-bin/tell", "Content-Length: 5", "Expect: 100-continue"))
        assert connection.read_head().status == 100
        connection.send(b"hello")
        assert json.loads(connection.read_answer().body)["body"] == "hello"


def test_body_already_here_needs_no_invitation(server):
    answer = server.ask(request("POST", "/cgi-bin/tell", "Expect: 100-continue", body=b"hello"))
    assert json.loads(answer.body)["body"] == "hello"


def test_body_over_the_limit(server):
    for data in (request("POST", "/small/tell", body=b"x" * 2000),
                 request("POST", "/small/tell", "Transfer-Encoding: chunked") + chunked(b"x" * 2000)):
        assert server.ask(data).status == 413
    assert tell(server, "/small/tell", method="POST", body=b"x" * 1024)["body"] == "x" * 1024


# --- what becomes of what it says --------------------------------------------------------------------------------------

SCRIPTS = {
    "lf": r"printf 'Content-Type: text/plain\n\nlf'",
    "crlf": r"printf 'Content-Type: text/plain\r\n\r\ncrlf'",
    "status": r"printf 'Status: 418 A Teapot\nContent-Type: text/plain\nX-Own: 1\nX-Own: 2\n\nshort'",
    "status-bare": r"printf 'Status: 404\nContent-Type: text/plain\n\nnone'",
    "nocontent": r"printf 'Status: 204 No Content\n\n'",
    "redirect": r"printf 'Location: https://elsewhere.test/a?b#c\n\n'",
    "redirect-document": r"printf 'Status: 301 Moved\nLocation: https://elsewhere.test/\nContent-Type: text/html\n\n<a>there</a>'",
    "redirect-relative": r"printf 'Status: 303 See Other\nLocation: /page.html\nContent-Type: text/plain\n\nthere'",
    "local": r"printf 'Location: /page.html\n\n'",
    "local-self": r'printf "Location: $SCRIPT_NAME?again\n\n"',
    "local-tell": r"printf 'Location: /cgi-bin/tell/x?q=1\n\n'",
    "hop": r"printf 'Content-Type: text/plain\nConnection: close, X-Y\nKeep-Alive: 5\nTransfer-Encoding: chunked\nUpgrade: h2c\nTrailer: X\nX-CGI-Own: 1\n\nhop'",
    "date": r"printf 'Content-Type: text/plain\nDate: Sun, 01 Nov 2026 00:00:00 GMT\nServer: Own/1\n\n'",
    "length": r"printf 'Content-Type: text/plain\nContent-Length: 5\n\nhello'",
    "length-short": r"printf 'Content-Type: text/plain\nContent-Length: 3\n\nhello world'",
    "length-long": r"printf 'Content-Type: text/plain\nContent-Length: 50\n\nhello'",
    "nph-own": r"printf 'HTTP/1.1 299 Own\r\nX-Raw: yes\r\nContent-Length: 3\r\n\r\nraw'",
    "notype": r"printf 'X-Own: 1\n\nuntyped'",
    "big": r"printf 'Content-Type: application/octet-stream\n\n'; head -c 20000000 /dev/zero",
    "errors": r"""head -c 300000 /dev/zero | tr '\0' e >&2; echo >&2; echo 'the "last" words' >&2
printf 'Content-Type: text/plain\n\nafter the flood'""",
    "streaming": r"""printf 'Content-Type: text/plain\n\nfirst\n'; read -r line; printf 'second\n'""",
    "unread": r"printf 'Content-Type: text/plain\n\nnot read'",
    "early": r"head -c 10 >/dev/null; printf 'Content-Type: text/plain\n\nread ten'",
}


@pytest.mark.parametrize("name", ["lf", "crlf"])
def test_document(server, name):
    answer = server.get(f"/cgi-bin/{name}")
    assert (answer.status, answer.text, answer["Content-Type"]) == (200, name, "text/plain")


def test_status_and_fields(server):
    answer = server.get("/cgi-bin/status")
    assert (answer.status, answer.reason, answer.text) == (418, "A Teapot", "short")
    assert answer.all("X-Own") == ["1", "2"] and "Status" not in answer
    assert server.get("/cgi-bin/status-bare").status == 404
    assert server.get("/cgi-bin/nocontent").status == 204


def test_redirects(server):
    """Sections 6.2.3 and 6.2.4."""
    answer = server.get("/cgi-bin/redirect")
    assert (answer.status, answer["Location"]) == (302, "https://elsewhere.test/a?b#c")
    answer = server.get("/cgi-bin/redirect-document")
    assert (answer.status, answer["Location"], answer.text) == (301, "https://elsewhere.test/", "<a>there</a>")
    answer = server.get("/cgi-bin/redirect-relative")
    assert (answer.status, answer["Location"], answer.text) == (303, "/page.html", "there")


def test_local_redirect(server):
    """Section 6.2.2: answered as if that had been asked for, by GET and without the body."""
    assert server.get("/cgi-bin/local").text == "a page"
    answer = server.post("/cgi-bin/local-tell", b"body")
    told = json.loads(answer.body)
    assert told["environment"]["REQUEST_METHOD"] == "GET" and told["body"] == ""
    assert told["environment"]["PATH_INFO"] == "/x" and told["environment"]["QUERY_STRING"] == "q=1"


def test_local_redirect_in_a_circle_ends(server):
    answer = server.get("/cgi-bin/local-self")
    assert answer.status in (500, 502, 508)


def test_fields_that_are_not_the_programs(server):
    """Sections 6.3.4 and 6.3.5."""
    with server.connect() as connection:
        server.count(2)
        answer = connection.ask(request("GET", "/cgi-bin/hop"))
        assert answer.text == "hop"
        for name in ("Keep-Alive", "Upgrade", "X-CGI-Own", "Trailer"):
            assert name not in answer
        assert not answer.closes
        assert connection.ask(request("GET", "/cgi-bin/lf")).text == "lf"
    answer = server.get("/cgi-bin/date")
    assert len(answer.all("Date")) == 1 and len(answer.all("Server")) <= 1


def test_length_is_never_desynchronised(server):
    with server.connect() as connection:
        server.count(3)
        assert connection.ask(request("GET", "/cgi-bin/length")).text == "hello"
        assert connection.ask(request("GET", "/cgi-bin/length-short")).text == "hel"
        connection.send(request("GET", "/cgi-bin/length-long"))
        with pytest.raises((wire.Misframed, wire.Closed, ConnectionError)):
            answer = connection.read_answer()
            assert answer.status == 502
            raise wire.Misframed("refused as a whole")


def test_non_parsed_headers(server):
    """Section 5: sent as it is, and the connection ends."""
    with server.connect() as connection:
        server.count()
        answer = connection.ask(request("GET", "/cgi-bin/nph-own"))
        assert (answer.status, answer.reason, answer["X-Raw"], answer.text) == (299, "Own", "yes", "raw")
        assert connection.is_closed()


def test_head_sends_no_content(server):
    with server.connect() as connection:
        server.count(2)
        assert connection.ask(request("HEAD", "/cgi-bin/lf")).body == b""
        assert connection.ask(request("GET", "/cgi-bin/lf")).text == "lf"


def test_http_1_0_client_gets_an_unchunked_answer(server):
    answer = server.get("/cgi-bin/lf", version="1.0")
    assert answer.text == "lf" and "Transfer-Encoding" not in answer


def test_large_output(server):
    assert len(server.get("/cgi-bin/big").body) == 20_000_000


def test_output_streams_while_input_does(server):
    """The first chunk arrives before the program has ended, and before the body has."""
    with server.connect() as connection:
        server.count()
        connection.send(request("POST", "/cgi-bin/streaming", "Content-Length: 5"))
        head = connection.read_head()
        assert head.status == 200 and head["Transfer-Encoding"] == "chunked"
        size = int(connection.read_until(b"\r\n"), 16)
        assert connection.read_exactly(size) == b"first\n"
        connection.read_exactly(2)
        connection.send(b"more\n")
        connection.read_chunked(head)
        assert head.body == b"second\n"


def test_flood_of_errors_before_the_head(server):
    """Apache PR 22030: no dead-lock, and the log has it under the request's id."""
    assert server.get("/cgi-bin/errors").text == "after the flood"
    line = server.last_access("/cgi-bin/errors")
    server.wait_for_error(rf"(?m)^.*{line['id'].lstrip('0')}.*the .?\"last.?\" words")


@pytest.mark.parametrize("name", ["unread", "early"])
def test_ten_megabytes_that_nobody_reads(server, name):
    """CVE-2014-0231: the program answers without reading; nothing hangs."""
    with server.connect() as connection:
        server.count()
        connection.send(request("POST", f"/cgi-bin/{name}", "Content-Length: 10000000"))
        try:
            for _ in range(100):
                connection.send(b"x" * 100_000)
        except (ConnectionError, TimeoutError):
            pass
        assert connection.read_answer().text in ("not read", "read ten")


def test_body_is_streamed_when_its_length_is_known(server):
    """No spooling: a body that never ends costs no disk, and the program sees its beginning."""
    started = time.monotonic()
    with server.connect() as connection:
        server.count()
        connection.send(request("POST", "/cgi-bin/early", "Content-Length: 1000000") + b"x" * 100)
        assert connection.read_answer().text == "read ten"
    assert time.monotonic() - started < 5 * SLOWNESS


def test_cleaned_environment_has_only_what_is_known(server):
    """Nothing of the server's own environment but PATH and the like."""
    env = environment(server)
    known = {"PATH", "TZ", "LANG", "LC_ALL", "CONFIGURED", "UNIQUE_ID", "REQUEST_ID", "LC_CTYPE"}
    for name in env:
        assert name in known or name.startswith(("HTTP_", "SERVER_", "REQUEST_", "REMOTE_", "SCRIPT_", "PATH_", "REMUDA_",
                                                 "QUERY_STRING", "GATEWAY_", "DOCUMENT_", "REDIRECT_STATUS",
                                                 "CONTENT_")), f"{name}={env[name]} in {os.getpid()}"
