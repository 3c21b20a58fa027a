# SPDX-License-Identifier: Apache-2.0
"""HTTP over files, as a table: methods, ranges, conditions, variants, paths that must not lead out of the root.

RFC 9110 sections 8 to 15, and the failures of other servers named in the rows.
"""

import gzip
import html
import json
import os
import re
import socket

import pytest

import wire
from harness import IS_ROOT
from wire import request

DIGITS = b"0123456789" * 10  # 100 octets
BIG = os.urandom(1 << 20)
DATE = "Sun, 01 Nov 2026 00:00:00 GMT"
BEFORE = "Sat, 31 Oct 2026 00:00:00 GMT"
AFTER = "Mon, 02 Nov 2026 00:00:00 GMT"
WRITTEN = 1793491200  # DATE


@pytest.fixture(scope="module")
def server(shared):
    place = shared.place
    place.file("secret.txt", "SECRET outside of the root")
    place.file("static.conf", "SECRET beside the root")
    place.file("site/index.html", "<title>home</title>")
    place.file("site/digits.txt", DIGITS)
    place.file("site/empty.txt", b"")
    place.file("site/big.bin", BIG)
    place.file("site/page.html", "<p>Grüße</p>")
    place.file("site/style.css", "p{}")
    place.file("site/a b/c&d.txt", "odd name")
    place.file("site/what?.txt", "question")
    place.file("site/100%.txt", "percent")
    place.file("site/.hidden", "SECRET dot")
    place.file("site/.git/config", "SECRET git")
    place.file("site/.well-known/security.txt", "well known")
    place.file("site/sub/index.html", "sub index")
    place.file("site/list/one.txt", "1")
    place.file("site/list/two<b>.txt", "2")
    place.file("site/script.js", "let plain = 1;" * 100)
    place.file("site/script.js.gz", gzip.compress(b"let gzipped = 1;" * 100))
    place.file("site/script.js.br", b"not really brotli, but who looks")
    place.file("site/stale.js", "let now = 1;")
    place.file("site/stale.js.gz", gzip.compress(b"let past = 1;"))
    place.directory("site/closed", 0o700)
    place.file("site/unreadable.txt", "SECRET mode 000", 0o000)
    (place / "site/inside.lnk").symlink_to("digits.txt")
    (place / "site/outside.lnk").symlink_to("../secret.txt")
    (place / "site/absolute.lnk").symlink_to(place / "secret.txt")
    (place / "site/updir.lnk").symlink_to("..")
    (place / "site/proc.lnk").symlink_to("/proc/self/root")
    (place / "site/dangling.lnk").symlink_to("nowhere")
    (place / "site/loop.lnk").symlink_to("loop.lnk")
    os.mkfifo(place / "site/fifo")
    os.chmod(place / "site/fifo", 0o644)
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(place / "site/socket"))
    for name in ("digits.txt", "script.js", "script.js.gz", "script.js.br", "stale.js", "page.html"):
        os.utime(place / "site" / name, (WRITTEN, WRITTEN))
    os.utime(place / "site/stale.js.gz", (WRITTEN - 100, WRITTEN - 100))
    drop = '[server]\nuser = "www-data"\n' if IS_ROOT else ""
    return shared(drop + """
        [[route]]
        path = "/list/"
        files = "site/list"
        listing = "auto"
        [[route]]
        path = "/json/"
        files = "site/list"
        listing = "json"
        [[route]]
        path = "/app/"
        files = "site"
        fallback = "/page.html"
        cache_control = "public, max-age=60"
        [[route]]
        path = "/dots/"
        files = "site"
        dotfiles = "serve"
        [[route]]
        path = "=/old"
        redirect = "/digits.txt"
        status = 301
        [[route]]
        path = "/gone/"
        respond = 410
        [[route]]
        path = "/post/"
        method = ["POST"]
        respond = 204
        [[route]]
        host = "other.test"
        respond = 418
        [[route]]
        path = "/static/"
        files = "site/sub"
        [[route]]
        path = "/"
        files = "site"
    """)


# --- methods ---------------------------------------------------------------------------------------------------------

def test_get_has_what_a_good_answer_has(server):
    answer = server.get("/digits.txt")
    assert (answer.status, answer.body) == (200, DIGITS)
    assert answer["Content-Length"] == "100"
    assert answer["Last-Modified"] == DATE
    assert re.fullmatch(r'"[^"]+"', answer["ETag"])
    assert answer["Accept-Ranges"] == "bytes"
    assert answer["Content-Type"].startswith("text/plain")
    assert re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", answer["Date"])


@pytest.mark.parametrize("target", ["/digits.txt", "/big.bin", "/empty.txt", "/", "/sub", "/none", "/gone/", "/old",
                                    "/list/", "/json/", "/script.js"])
def test_head_is_get_without_content(server, target):
    """RFC 9110 section 9.3.2."""
    one, other = server.head(target), server.get(target)
    volatile = {"date", "x-request-id"}
    plain = lambda answer: [(name, value) for name, value in answer.fields if name.lower() not in volatile]
    assert one.status == other.status
    ours, theirs = plain(one), plain(other)
    if target in ("/none", "/gone/"):  # pages with an id in them
        ours, theirs = [(name, "") for name, _ in ours], [(name, "") for name, _ in theirs]
    if "Content-Length" not in one:  # it may be left out, nothing else
        theirs = [(name, value) for name, value in theirs if name != "Content-Length"]
    assert sorted(ours) == sorted(theirs)
    assert one.body == b""


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "PROPFIND", "MKCOL", "TRACE", "get", "BREW"])
def test_files_answer_405_with_allow(server, method):
    answer = server.ask(request(method, "/digits.txt", body=b"x" if method == "POST" else None))
    assert answer.status in ((405, 501) if method in ("get", "BREW") else (405,))
    if answer.status == 405:
        allowed = {name.strip() for name in answer["Allow"].split(",")}
        assert {"GET", "HEAD"} <= allowed
        assert allowed <= {"GET", "HEAD", "OPTIONS"} or method == "TRACE"  # which no resource here takes


def test_options(server):
    everything = server.ask(request("OPTIONS", "*"))
    assert everything.status in (200, 204) and everything.body == b""
    one = server.ask(request("OPTIONS", "/digits.txt"))
    assert one.status in (200, 204) and "GET" in one["Allow"]


def test_trace_echoes_nothing(server):
    answer = server.ask(request("TRACE", "/", "Cookie: SECRET"))
    assert answer.status == 405 and "SECRET" not in answer.text


def test_connect_is_refused(server):
    answer = server.ask(request("CONNECT", "test:443", host="test:443"))
    assert answer.status in (400, 405, 501)


def test_a_route_for_another_method_is_405(server):
    """When only the method differs from every route's. Files below / answer POST with 405, too."""
    assert server.post("/post/x", b"").status == 204
    assert server.get("/post/x").status in (404, 405)


def test_body_of_a_get_is_read_and_framed(server):
    """RFC 9110 section 9.3.1; nginx CVE-2019-20372: it is never the next request."""
    with server.connect() as connection:
        server.count(3)
        connection.send(request("GET", "/digits.txt", body=b"GET /secret HTTP/1.1\r\n\r\n"))
        connection.send(request("GET", "/none", body=b"x" * 1000))
        connection.send(request("GET", "/empty.txt"))
        assert [connection.read_answer().status for _ in range(3)] == [200, 404, 200]


# --- ranges ----------------------------------------------------------------------------------------------------------

RANGES = [
    ("bytes=0-0", 206, "bytes 0-0/100", DIGITS[:1]),
    ("bytes=10-19", 206, "bytes 10-19/100", DIGITS[10:20]),
    ("bytes=-1", 206, "bytes 99-99/100", DIGITS[99:]),
    ("bytes=-0", 416, "bytes */100", None),
    ("bytes=50-", 206, "bytes 50-99/100", DIGITS[50:]),
    ("bytes=0-", 206, "bytes 0-99/100", DIGITS),
    ("bytes=-1000", 206, "bytes 0-99/100", DIGITS),
    ("bytes=90-1000", 206, "bytes 90-99/100", DIGITS[90:]),
    ("bytes=100-", 416, "bytes */100", None),
    ("bytes=5-2", 200, None, DIGITS),
    ("bytes=99-98,99-97", 200, None, DIGITS),
    ("bytes=0-9223372036854775807", 206, "bytes 0-99/100", DIGITS),
    ("bytes=0-9223372036854775808", {200, 206}, None, DIGITS),
    ("bytes=99999999999999999999-", {200, 416}, None, None),
    ("bytes=-99999999999999999999", {200, 206}, None, DIGITS),
    ("lines=1-2", 200, None, DIGITS),
    ("bytes", 200, None, DIGITS),
    ("bytes=", 200, None, DIGITS),
    ("bytes=a-b", 200, None, DIGITS),
    ("bytes=1-2x", 200, None, DIGITS),
    ("BYTES=0-0", {200, 206}, None, None),
]


@pytest.mark.parametrize(("wish", "status", "content_range", "body"), RANGES, ids=[row[0] for row in RANGES])
def test_range(server, wish, status, content_range, body):
    """RFC 9110 section 14."""
    answer = server.get("/digits.txt", f"Range: {wish}")
    assert answer.status in (status if isinstance(status, set) else {status})
    if content_range:
        assert answer["Content-Range"] == content_range
    if body is not None:
        assert answer.body == body


def parts_of(answer: wire.Answer) -> list[tuple[str, bytes]]:
    """Content-Range and content of each part of a multipart/byteranges answer."""
    assert "Content-Range" not in answer
    boundary = re.fullmatch(r"multipart/byteranges; ?boundary=\"?([^\"]+)\"?", answer["Content-Type"])[1].encode()
    pieces = answer.body.split(b"--" + boundary)
    assert pieces[-1].startswith(b"--")
    found = []
    for piece in pieces[1:-1]:
        head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().lower().split("\r\n"))
        assert fields["content-type"].startswith("text/plain")
        found.append((fields["content-range"], content.removesuffix(b"\r\n")))
    return found


def test_several_ranges(server):
    answer = server.get("/digits.txt", "Range: bytes=0-9, 20-29,-5")
    assert answer.status == 206
    assert parts_of(answer) == [("bytes 0-9/100", DIGITS[:10]), ("bytes 20-29/100", DIGITS[20:30]),
                                ("bytes 95-99/100", DIGITS[95:])]


def test_one_of_several_ranges_is_not_multipart(server):
    answer = server.get("/digits.txt", "Range: bytes=0-9,200-300")
    assert answer.status == 206
    assert answer["Content-Range"] == "bytes 0-9/100"


def test_1300_overlapping_ranges(server):
    """Apache CVE-2011-3192: bounded, and never more than the file."""
    wish = "bytes=0-" + "".join(f",5-{i}" for i in range(6, 1300))
    answer = server.get("/digits.txt", "Range: " + wish)
    assert answer.status in (200, 206, 416, 431)
    assert len(answer.body) <= 100 + 2000


def test_suffixes_that_sum_past_2_63(server):
    """nginx CVE-2017-7529."""
    answer = server.get("/digits.txt", "Range: bytes=-150,-9223372036854775708")
    assert answer.status in (200, 206, 416)
    assert len(answer.body) < 1000 and b"SECRET" not in answer.body


def test_range_of_an_empty_file(server):
    answer = server.get("/empty.txt", "Range: bytes=0-0")
    assert answer.status in (200, 416) and (answer.body == b"" or answer.status == 416)
    assert server.get("/empty.txt").body == b""


def test_range_only_for_get(server):
    assert server.head("/digits.txt", "Range: bytes=0-0").status == 200


@pytest.mark.parametrize("offset", [0, 1, 65535, 65536, (1 << 20) - 1])
def test_range_of_a_large_file(server, offset):
    answer = server.get("/big.bin", f"Range: bytes={offset}-")
    assert answer.status == 206 and answer.body == BIG[offset:]


# --- conditions -------------------------------------------------------------------------------------------------------

CONDITIONS = [
    (["If-None-Match: {tag}"], 304),
    (["If-None-Match: W/{tag}"], 304),
    (['If-None-Match: "x", {tag}'], 304),
    (["If-None-Match: *"], 304),
    (['If-None-Match: "x"'], 200),
    (['If-None-Match: "x"', f"If-Modified-Since: {AFTER}"], 200),
    ([f"If-Modified-Since: {DATE}"], 304),
    ([f"If-Modified-Since: {BEFORE}"], 200),
    ([f"If-Modified-Since: {AFTER}"], 304),
    (["If-Modified-Since: Sunday, 01-Nov-26 00:00:00 GMT"], 304),
    (["If-Modified-Since: Sun Nov  1 00:00:00 2026"], 304),
    (["If-Modified-Since: nonsense"], 200),
    (["If-Match: {tag}"], 200),
    (["If-Match: *"], 200),
    (['If-Match: "x"'], 412),
    (["If-Match: W/{tag}"], 412),
    ([f"If-Unmodified-Since: {DATE}"], 200),
    ([f"If-Unmodified-Since: {BEFORE}"], 412),
    (["If-Match: {tag}", f"If-Unmodified-Since: {BEFORE}"], 200),
    (['If-Match: "x"', "If-None-Match: {tag}"], 412),
    (["If-Match: {tag}", "If-None-Match: {tag}"], 304),
    (["Range: bytes=0-9", "If-Range: {tag}"], 206),
    (["Range: bytes=0-9", 'If-Range: "x"'], 200),
    (["Range: bytes=0-9", "If-Range: W/{tag}"], 200),
    (["Range: bytes=0-9", f"If-Range: {DATE}"], 206),
    (["Range: bytes=0-9", f"If-Range: {BEFORE}"], 200),
    (["Range: bytes=0-9", "If-None-Match: {tag}"], 304),
    (["Range: bytes=200-", 'If-Match: "x"'], 412),
]


@pytest.mark.parametrize(("lines", "status"), CONDITIONS, ids=[" + ".join(row[0]) for row in CONDITIONS])
def test_condition(server, lines, status):
    """RFC 9110 section 13, in the order of 13.2.2."""
    tag = server.get("/digits.txt")["ETag"]
    answer = server.get("/digits.txt", *[line.format(tag=tag) for line in lines])
    assert answer.status == status
    if status == 304:
        assert answer["ETag"] == tag and "Date" in answer and answer.body == b""
        assert answer.get("Content-Length") in (None, "100")


def test_no_condition_where_there_is_nothing(server):
    assert server.get("/none", "If-Match: *").status in (404, 412)
    assert server.get("/none", "If-None-Match: *").status == 404


def test_a_changed_file_has_another_tag(server, shared):
    path = shared.place.file("site/changing.txt", "one")
    first = server.get("/changing.txt")
    path.write_text("two, longer")
    os.utime(path, (WRITTEN, WRITTEN))

    def changed():
        answer = server.get("/changing.txt", f"If-None-Match: {first['ETag']}")
        return answer if answer.status == 200 else None

    from processes import eventually
    assert eventually("the change is seen", changed, within=3, every=0.05).text == "two, longer"


# --- variants and types -----------------------------------------------------------------------------------------------

VARIANTS = [
    (None, None),
    ("gzip", "gzip"),
    ("br", "br"),
    ("gzip, deflate, br", "br"),
    ("gzip;q=1, br;q=0.5", {"gzip", "br"}),
    ("gzip;q=0", None),
    ("gzip;q=0, *", {"br", None}),
    ("*;q=0, identity", None),
    ("identity", None),
    ("compress", None),
    (",,", None),
]


@pytest.mark.parametrize(("accepted", "coding"), VARIANTS, ids=[str(row[0]) for row in VARIANTS])
def test_precompressed_sibling(server, accepted, coding):
    """RFC 9110 sections 8.4, 12.5.3: another tag, and Vary on every variant."""
    answer = server.get("/script.js", *([f"Accept-Encoding: {accepted}"] if accepted else []))
    assert answer.status == 200
    assert answer.get("Content-Encoding") in (coding if isinstance(coding, set) else {coding})
    assert "accept-encoding" in answer["Vary"].lower()
    assert "javascript" in answer["Content-Type"]
    if answer.get("Content-Encoding") == "gzip":
        assert gzip.decompress(answer.body).startswith(b"let gzipped")
    plain = server.get("/script.js")
    if answer.get("Content-Encoding"):
        assert answer["ETag"] != plain["ETag"]


def test_nothing_is_accepted(server):
    """Not even the file as it is."""
    assert server.get("/script.js", "Accept-Encoding: *;q=0").status in (200, 406)


def test_sibling_older_than_the_file_is_not_served(server):
    answer = server.get("/stale.js", "Accept-Encoding: gzip")
    assert answer.get("Content-Encoding") is None and answer.text == "let now = 1;"


TYPES = {"/page.html": "text/html; charset=utf-8", "/style.css": "text/css", "/big.bin": "application/octet-stream",
         "/script.js": "javascript"}


@pytest.mark.parametrize("target", TYPES)
def test_content_type(server, target):
    assert TYPES[target] in server.get(target)["Content-Type"].lower()


def test_fallback_and_cache_control(server):
    answer = server.get("/app/any/where")
    assert answer.status == 200 and "Grüße" in answer.text
    assert answer["Cache-Control"] == "public, max-age=60"
    assert "Cache-Control" not in server.get("/digits.txt")


# --- paths ------------------------------------------------------------------------------------------------------------

LEADING_OUT = [
    "/../secret.txt", "/%2e%2e/secret.txt", "/.%2e/secret.txt", "/%2E./secret.txt", "/sub/../../secret.txt",
    "/%%32%65%%32%65/secret.txt", "/..%2fsecret.txt", "/..%5csecret.txt", "/..\\secret.txt", "/%252e%252e/secret.txt",
    "/static../secret.txt", "/static..%2fsecret.txt", "/sub/..;/..;/secret.txt", "/%c0%ae%c0%ae/secret.txt",
    "/%c0%af..%c0%afsecret.txt", "//../secret.txt", "/./../secret.txt", "/%2e%2e%2f%2e%2e%2fsecret.txt",
    "/outside.lnk", "/absolute.lnk", "/updir.lnk/secret.txt", "/proc.lnk/etc/passwd", "/static.conf",
    "/.hidden", "/.git/config", "/sub/../.hidden", "/%2ehidden", "/dangling.lnk", "/loop.lnk", "/fifo", "/socket",
    "/digits.txt.", "/digits.txt%20", "/digits.txt::$DATA", "/digits.txt/", "/digits.txt/x", "/digits.txt%00.html",
    "/DIGITS.TXT", "/" + "a" * 255, "/" + "a" * 4000, "/" + "a/" * 2000, "/sub%2findex.html",
    "http://test/../secret.txt",
]


@pytest.mark.parametrize("target", LEADING_OUT, ids=[target[:40] for target in LEADING_OUT])
def test_path_leads_nowhere(server, target):
    """Apache CVE-2021-41773, nginx alias without slash, lighttpd mod_alias, links, dotfiles, FIFOs: never out, never hanging."""
    answer = server.get(target)
    assert answer.status in (400, 403, 404), answer
    assert "SECRET" not in answer.text and "root:" not in answer.text


@pytest.mark.skipif(not IS_ROOT, reason="needs root: the server runs as another user than the owner of the files")
@pytest.mark.parametrize("target", ["/unreadable.txt", "/closed/", "/closed/x"])
def test_what_may_not_be_read(server, target):
    answer = server.get(target)
    assert answer.status in (403, 404) and "SECRET" not in answer.text


FOUND = [("/a%20b/c%26d.txt", "odd name"), ("/what%3f.txt", "question"), ("/100%25.txt", "percent"),
         ("/sub/", "sub index"), ("/sub/./index.html", "sub index"), ("/list/../sub/", "sub index"),
         ("/inside.lnk", DIGITS.decode()), ("/.well-known/security.txt", "well known"), ("//sub//index.html", "sub index"),
         ("/dots/.hidden", "SECRET dot"), ("/%64igits.txt", DIGITS.decode()), ("/digits.txt?a=b", DIGITS.decode()),
         ("/digits.txt?", DIGITS.decode()), ("http://test/digits.txt", DIGITS.decode()),
         ("http://test", "<title>home</title>"), ("http://test?x", "<title>home</title>"),
         ("/static", "sub index"), ("/static/index.html", "sub index")]


@pytest.mark.parametrize(("target", "text"), FOUND, ids=[row[0] for row in FOUND])
def test_path_is_found(server, target, text):
    answer = server.get(target)
    if answer.status == 301 and target == "/static":
        answer = server.get(answer["Location"])
    assert (answer.status, answer.text) == (200, text)


REDIRECTED = [("/sub", "/sub/"), ("/sub?a=b", "/sub/?a=b"), ("/a%20b", "/a%20b/"), ("//sub", "/sub/"),
              ("/list/../sub", "/sub/")]


@pytest.mark.parametrize(("target", "location"), REDIRECTED, ids=[row[0] for row in REDIRECTED])
def test_directory_gets_its_slash(server, target, location):
    """Apache CVE-2019-10098: Location stays on this host."""
    answer = server.get(target)
    assert answer.status in (301, 308), answer
    assert answer["Location"] == location


@pytest.mark.parametrize("target", ["//evil", "//evil/..", "/%2fevil", "/%0aevil", "/\\evil", "//evil%0a/..", "/%5cevil/.."])
def test_location_is_never_another_host(server, shared, target):
    for name in ("evil", "\\evil", "evil\n"):
        shared.place.directory(f"site/{name}")
    answer = server.get(target)
    assert answer.status in (200, 301, 308, 400, 403, 404)
    location = answer.get("Location", "/")
    assert re.match(r"/(?![/\\])", location), location


def test_directory_without_index_is_not_listed(server):
    assert server.get("/a%20b/").status in (403, 404)


def test_listing(server):
    page = server.get("/list/", "Accept: text/html")
    assert page.status == 200 and page["Content-Type"].startswith("text/html")
    assert "one.txt" in page.text and "two<b>" not in page.text and html.escape("two<b>") in page.text
    for answer in (server.get("/list/", "Accept: application/json"), server.get("/json/")):
        assert answer["Content-Type"].startswith("application/json")
        assert "one.txt" in answer.text and "two<b>.txt" in json.dumps(json.loads(answer.text))


def test_routes(server):
    moved = server.get("/old")
    assert moved.status == 301 and moved["Location"] in ("/digits.txt", "http://test/digits.txt")
    assert server.get("/gone/x").status == 410
    assert server.get("/", host="other.test").status == 418
    assert server.get("/", host="Other.Test.:80").status == 418
    assert server.get("http://other.test/", host="test").status == 418  # RFC 9112 section 3.2.2


def test_error_page(server):
    """Apache CVE-2019-10092: what it shows of the request is escaped; the id leads to the log."""
    target = "/none<script>alert(1)</script>"
    page = server.get(target, "Accept: text/html")
    assert page.status == 404 and "<script" not in page.text.lower()
    line = server.last_access(target)
    assert line["id"].lstrip("0") in page.text or line["id"] in page.text
    as_json = server.get("/none", "Accept: application/json")
    assert "json" in as_json["Content-Type"] and json.loads(as_json.text)["status"] == 404


# --- connections ------------------------------------------------------------------------------------------------------

def test_pipelined_answers_come_in_order(server):
    """RFC 9112 section 9.3.2."""
    targets = ["/digits.txt", "/none", "/big.bin", "/empty.txt", "/sub", "/page.html"] * 20
    with server.connect() as connection:
        server.count(len(targets))
        connection.send(b"".join(request("GET", target) for target in targets))
        statuses = [connection.read_answer().status for _ in targets]
    assert statuses == [200, 404, 200, 200, 301, 200] * 20 or statuses == [200, 404, 200, 200, 308, 200] * 20


PERSISTENCE = [
    ("1.1", [], True), ("1.1", ["Connection: close"], False), ("1.1", ["Connection: CLOSE"], False),
    ("1.1", ["Connection: te, Close"], False), ("1.1", ["Connection: TE,,Keep-Alive"], True),
    ("1.1", ["Connection: x", "Connection: close"], False), ("1.0", [], False),
    ("1.0", ["Connection: keep-alive"], True), ("1.0", ["Connection: Keep-Alive, x"], True),
    ("1.1", ["Connection: upgrade", "Upgrade: websocket"], True), ("1.1", ["Connection: Upgrade, HTTP2-Settings",
     "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"], True), ("1.2", [], True),
]


@pytest.mark.parametrize(("version", "lines", "kept"), PERSISTENCE, ids=[f"{row[0]} {row[1]}" for row in PERSISTENCE])
def test_persistence(server, version, lines, kept):
    """RFC 9112 section 9.3; an Upgrade that nobody offers is ignored."""
    with server.connect() as connection:
        server.count()
        answer = connection.ask(request("GET", "/digits.txt", *lines, version=version))
        assert answer.status == 200 and answer.body == DIGITS and answer.version == "1.1"
        assert answer.closes == (not kept)
        if version == "1.0" and kept:
            assert "keep-alive" in answer["Connection"].lower()
        if kept:
            server.count()
            assert connection.ask(request("GET", "/empty.txt")).status == 200
        else:
            assert connection.is_closed()


def test_http_1_0_without_host(server):
    assert server.get("/digits.txt", host=None, version="1.0").body == DIGITS


def test_half_closed_client_gets_its_answer(server):
    """A FIN after the request is no abort."""
    with server.connect() as connection:
        server.count()
        connection.send(request("GET", "/big.bin"))
        connection.end_sending()
        assert connection.read_answer().body == BIG
        assert connection.is_closed()


def test_one_byte_at_a_time(server):
    with server.connect() as connection:
        server.count()
        for octet in request("GET", "/digits.txt"):
            connection.send(bytes([octet]))
        assert connection.read_answer().body == DIGITS


def test_expect_without_reading_is_final(server):
    """RFC 9110 section 10.1.1: no 100 for a body that nobody wants; and none is taken for a request after it."""
    with server.connect() as connection:
        server.count()
        connection.send(request("POST", "/digits.txt", "Expect: 100-continue", "Content-Length: 100"))
        answer = connection.read_answer()
        assert answer.status == 405 and not answer.interim and answer.closes


def test_refusal_arrives_although_the_client_goes_on_sending(server):
    """RFC 9112 section 9.6: the last answer is not lost to a reset."""
    with server.connect() as connection:
        server.count()
        connection.send(request("PUT", "/digits.txt", f"Content-Length: {8 << 20}"))
        try:
            for _ in range(64):
                connection.send(b"x" * 65536)
        except (ConnectionError, TimeoutError):
            pass
        assert connection.read_answer().status == 405


def test_unix_socket(server, shared):
    other = shared('[[route]]\nfiles = "site"\n', listener=f"unix:{shared.place / 'listen.sock'}")
    assert other.get("/digits.txt").body == DIGITS
