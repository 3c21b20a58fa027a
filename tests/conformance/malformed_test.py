# SPDX-License-Identifier: Apache-2.0
"""Requests by which others have been smuggled into, crashed or confused, and what each must get.

Each row: a name, the bytes, the statuses that are right, and what the log has to say about it. Whatever follows a
refused request on the connection is discarded: every row is followed by a request for /after, which must never be
answered. Sources: RFC 9112 sections 2 to 7 and the failures of other servers named in the rows.
"""

import re

import pytest

import wire

HOST = b"Host: test\r\n"
POST = b"POST /cgi-bin/echo HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
AFTER = b"GET /after HTTP/1.1\r\nHost: test\r\n\r\n"


def get(*lines: bytes, target: bytes = b"/") -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def post(*lines: bytes, body: bytes = b"") -> bytes:
    return POST + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


ROWS = [
    # The request line: RFC 9112 section 3.
    ("no version: HTTP/0.9", b"GET /\r\n\r\n", {400}, "0.9|version"),
    ("version 2.0 on a 1.x line", b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", {505}, "version"),
    ("version in lower case", b"GET / http/1.1\r\n" + HOST + b"\r\n", {400}, "version"),
    ("version with two digits", b"GET / HTTP/1.10\r\n" + HOST + b"\r\n", {400}, "version|CR"),
    ("version with a letter", b"GET / HTTP/1.x\r\n" + HOST + b"\r\n", {400}, "version"),
    ("two spaces before the target", b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", {400}, "space"),
    ("two spaces before the version", b"GET /  HTTP/1.1\r\n" + HOST + b"\r\n", {400}, "version"),
    ("a space after the version", b"GET / HTTP/1.1 \r\n" + HOST + b"\r\n", {400}, "version|control"),
    ("a tab between method and target", b"GET\t/ HTTP/1.1\r\n" + HOST + b"\r\n", {400}, "token|control"),
    ("a space within the target (nginx CVE-2013-4547)", b"GET /a.txt \0.php HTTP/1.1\r\n" + HOST + b"\r\n", {400},
     "version|NUL"),
    ("NUL in the target", b"GET /a\0b HTTP/1.1\r\n" + HOST + b"\r\n", {400}, "NUL"),
    ("a fragment (HAProxy CVE-2023-45539)", get(HOST[:-2], target=b"/a#b"), {400}, "fragment"),
    ("an octet above 127 in the target", get(HOST[:-2], target=b"/caf\xe9"), {400}, "127"),
    ("a target without a slash", get(HOST[:-2], target=b"index.html"), {400}, "target|path"),
    ("a target that begins with @ (Apache CVE-2011-3368)", get(HOST[:-2], target=b"@inner/x"), {400}, "target|path"),
    ("a method with a colon", b"GE:T / HTTP/1.1\r\n" + HOST + b"\r\n", {400}, "token"),
    ("no method", b" / HTTP/1.1\r\n" + HOST + b"\r\n", {400}, "token"),
    ("a method of 100 letters", b"A" * 100 + b" / HTTP/1.1\r\n" + HOST + b"\r\n", {501}, "method"),
    ("two empty lines first", b"\r\n\r\nGET / HTTP/1.1\r\n" + HOST + b"\r\n", {400}, "empty line"),
    ("a request line of 10,000 octets", get(HOST[:-2], target=b"/" + b"a" * 10000), {414}, "too long"),
    ("* for GET", get(HOST[:-2], target=b"*"), {400}, r"\*"),
    ("an absolute target of another scheme", get(HOST[:-2], target=b"ftp://test/"), {400}, "target|URI"),
    ("user information in the target", get(HOST[:-2], target=b"http://user@test/"), {400}, "authority"),
    ("a port that is none in the target", get(HOST[:-2], target=b"http://test:70000/"), {400}, "authority"),
    ("CONNECT to a path", b"CONNECT / HTTP/1.1\r\n" + HOST + b"\r\n", {400}, "CONNECT"),
    # Line ends, and octets that no line has: section 2.2.
    ("LF instead of CRLF after the request line", b"GET / HTTP/1.1\n" + HOST + b"\r\n", {400}, "LF"),
    ("LF instead of CRLF after a field (Node CVE-2022-32214)", b"GET / HTTP/1.1\r\nHost: test\nX: y\r\n\r\n", {400},
     "LF"),
    ("CR alone within a field (Node CVE-2023-30589)", b"GET / HTTP/1.1\r\nHost: test\rX: y\r\n\r\n", {400}, "CR"),
    ("CRLF CR X as the end (Node CVE-2025-23167)", b"GET / HTTP/1.1\r\nHost: test\r\n\rX: y\r\n\r\n", {400}, "CR"),
    ("NUL in a field", get(HOST[:-2], b"X: a\0b"), {400}, "NUL"),
    ("a control character in a field", get(HOST[:-2], b"X: a\x01b"), {400}, "control"),
    ("DEL in a field", get(HOST[:-2], b"X: a\x7fb"), {400}, "control"),
    # Fields: section 5.
    ("a space before the first field", b"GET / HTTP/1.1\r\n " + HOST + b"\r\n", {400}, "space"),
    ("a folded field", get(HOST[:-2], b"X: a", b" b"), {400}, "fold"),
    ("a space before the colon (Node CVE-2021-22959, Go CVE-2019-16276)", post(b"Content-Length : 5", body=b"hello"),
     {400}, "colon"),
    ("a space before the name (Node CVE-2024-27982)", post(b"X: y", b" Content-Length: 5", body=b"hello"), {400},
     "fold|space"),
    ("a field without a name (HAProxy CVE-2023-25725)", get(HOST[:-2], b": x", b"X-Hidden: y"), {400}, "name"),
    ("a field without a colon", get(HOST[:-2], b"Nonsense"), {400}, "colon"),
    ("a name that is not a token", get(HOST[:-2], b"X[y]: z"), {400}, "token"),
    ("a name with an octet above 127", get(HOST[:-2], b"X\xe9: z"), {400}, "token"),
    ("101 fields", get(HOST[:-2], *[b"X-%d: y" % i for i in range(100)]), {431}, "too many"),
    ("a field of 40,000 octets", get(HOST[:-2], b"X: " + b"y" * 40000), {431}, "too long"),
    ("a name of 40,000 octets (HAProxy CVE-2021-40346)", get(HOST[:-2], b"content-length" * 3000 + b": 0"), {431},
     "too long"),
    # Host: section 3.2.
    ("no Host", get(b"X: y"), {400}, "Host"),
    ("two Hosts", get(HOST[:-2], b"Host: other"), {400}, "Host"),
    ("the same Host twice", get(HOST[:-2], HOST[:-2]), {400}, "Host"),
    ("a comma in Host (HAProxy 2026)", get(b"Host: test,other"), {400}, "Host"),
    ("user information in Host", get(b"Host: user@test"), {400}, "Host"),
    ("a path in Host", get(b"Host: test/path"), {400}, "Host"),
    ("a port in Host that is none", get(b"Host: test:8a"), {400}, "Host"),
    # Content-Length: section 6.3.
    ("two lengths that differ", post(b"Content-Length: 5", b"Content-Length: 6", body=b"hello!"), {400}, "Content-Length"),
    ("the same length twice", post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"), {400}, "Content-Length"),
    ("a list of lengths", post(b"Content-Length: 5, 5", body=b"hello"), {400}, "Content-Length"),
    ("an empty length (HAProxy CVE-2023-40225)", post(b"Content-Length:", body=b"hello"), {400}, "Content-Length"),
    ("a length with a sign (waitress CVE-2022-24761)", post(b"Content-Length: +5", body=b"hello"), {400},
     "Content-Length"),
    ("a negative length", post(b"Content-Length: -5", body=b"hello"), {400}, "Content-Length"),
    ("minus zero", post(b"Content-Length: -0"), {400}, "Content-Length"),
    ("a hexadecimal length", post(b"Content-Length: 0x5", body=b"hello"), {400}, "Content-Length"),
    ("a length with an underscore", post(b"Content-Length: 1_0", body=b"helloworld"), {400}, "Content-Length"),
    ("a length with a space in it", post(b"Content-Length: 1 0", body=b"helloworld"), {400}, "Content-Length"),
    ("a length beyond 64 bits", post(b"Content-Length: 18446744073709551621", body=b"hello"), {400}, "Content-Length"),
    ("a length of 2^63", post(b"Content-Length: 9223372036854775808", body=b"hello"), {400}, "Content-Length"),
    ("a body beyond the limit", post(b"Content-Length: 2000000000000"), {413}, "larger|body"),
    # Transfer-Encoding: section 6.1.
    ("both lengths", post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), {400},
     "Transfer-Encoding"),
    ("Transfer-Encoding in HTTP/1.0", b"POST /cgi-bin/echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400},
     "1.0"),
    ("an unknown coding", post(b"Transfer-Encoding: rot13", body=b"0\r\n\r\n"), {400, 501}, "coding"),
    ("gzip, not chunked last", post(b"Transfer-Encoding: gzip", body=b"0\r\n\r\n"), {400, 501}, "chunked|coding"),
    ("gzip, chunked", post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), {501}, "coding"),
    ("chunked not last", post(b"Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n"), {400, 501}, "chunked"),
    ("chunked twice", post(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"), {400}, "chunked"),
    ("chunkedchunked (Node CVE-2022-32213)", post(b"Transfer-Encoding: chunkedchunked", body=b"0\r\n\r\n"), {400, 501},
     "coding"),
    ("xchunked", post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"), {400, 501}, "coding"),
    ("chunked with a parameter", post(b"Transfer-Encoding: chunked;a=b", body=b"0\r\n\r\n"), {400, 501}, "coding|Encoding"),
    ("chunked in quotes", post(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n"), {400, 501}, "coding|Encoding"),
    ("chunked after a tab", post(b"Transfer-Encoding: \tchunked", body=b"0\r\n\r\n"), {400, 501}, "Encoding"),
    ("chunked after a vertical tab", post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"), {400}, "control"),
    ("two Transfer-Encodings (Node CVE-2020-8287)",
     post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: false", body=b"0\r\n\r\n"), {400}, "Transfer-Encoding"),
    ("identity around chunked (gunicorn CVE-2024-1135)",
     post(b"Transfer-Encoding: identity, chunked, identity", body=b"0\r\n\r\n"), {400, 501}, "chunked|coding"),
    ("identity", post(b"Transfer-Encoding: identity", body=b"hello"), {400, 501}, "coding|chunked"),
    ("an empty Transfer-Encoding", post(b"Transfer-Encoding:", body=b"0\r\n\r\n"), {400}, "Encoding"),
    # Chunks: section 7.1.
    ("a chunk size that turns negative (nginx CVE-2013-2028)", CHUNKED + b"ffffffffffffffff\r\nhello", {400, 413},
     "chunk"),
    ("a chunk size of 17 digits", CHUNKED + b"10000000000000005\r\nhello\r\n0\r\n\r\n", {400, 413}, "chunk"),
    ("a chunk size with 0x", CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n", {400}, "chunk"),
    ("a chunk size with a sign", CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n", {400}, "chunk"),
    ("a chunk size with an underscore", CHUNKED + b"1_0\r\nhello\r\n0\r\n\r\n", {400}, "chunk"),
    ("a space before a chunk size", CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n", {400}, "chunk"),
    ("a space after a chunk size", CHUNKED + b"5 \r\nhello\r\n0\r\n\r\n", {400}, "chunk"),
    ("no chunk size", CHUNKED + b"\r\nhello\r\n0\r\n\r\n", {400}, "chunk"),
    ("a chunk size that ends in LF", CHUNKED + b"5\nhello\r\n0\r\n\r\n", {400}, "LF|chunk"),
    ("a bare semicolon", CHUNKED + b"5;\r\nhello\r\n0\r\n\r\n", {400}, "extension|chunk"),
    ("LF in a chunk extension (lighttpd, TERM.EXT)", CHUNKED + b"5;a\nb\r\nhello\r\n0\r\n\r\n", {400}, "LF|extension|chunk"),
    ("junk after the data (puma CVE-2022-24790)", CHUNKED + b"5\r\nhelloXX0\r\n\r\n", {400}, "chunk|CR"),
    ("LF after the data", CHUNKED + b"5\r\nhello\n0\r\n\r\n", {400}, "chunk|LF"),
    ("1-byte chunks with huge extensions (Node CVE-2024-22019, Go CVE-2023-39326)",
     CHUNKED + b"1;a=" + b"b" * 200000 + b"\r\nx\r\n0\r\n\r\n", {400, 413}, "extension"),
    ("a length in the trailer section", CHUNKED + b"5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n", {400}, "trailer"),
    ("a folded trailer", CHUNKED + b"5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n", {400}, "fold"),
    ("a trailer section without end", CHUNKED + b"0\r\n" + b"X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n" * 4000, {400, 431},
     "many|long"),
    # Expect: RFC 9110 section 10.1.1.
    ("an unknown expectation", post(b"Expect: something", b"Content-Length: 5", body=b"hello"), {417}, "expectation"),
    ("an obfuscated expectation", post(b"Expect: y 100-continue", b"Content-Length: 5", body=b"hello"), {417},
     "expectation"),
    # Targets whose path cannot be a path: RFC 3986.
    ("NUL, encoded", get(HOST[:-2], target=b"/a%00b"), {400, 404}, "NUL|path|octet|"),
    ("half an encoded octet", get(HOST[:-2], target=b"/a%2"), {400}, "%|encod|path"),
    ("an encoded octet that is none", get(HOST[:-2], target=b"/a%zz"), {400}, "%|encod|path"),
]

CONFIGURATION = """
    [[route]]
    path = "/cgi-bin/"
    app = "programs"
    [[route]]
    path = "/"
    files = "site"
    [app.programs]
    type = "cgi"
    model = "exec"
    root = "cgi-bin"
"""


@pytest.fixture(scope="module")
def server(shared):
    shared.place.file("site/index.html", "index")
    shared.place.file("site/after", "THIS MUST NOT BE ANSWERED")
    shared.place.script("echo", "printf 'Content-Type: text/plain\\r\\n\\r\\n'; cat")
    return shared(CONFIGURATION)


@pytest.mark.parametrize(("name", "data", "statuses", "why"), ROWS, ids=[row[0] for row in ROWS])
def test_malformed_request(server, name, data, statuses, why):
    """Done when: malformed requests each get the right status, and the log says why."""
    with server.connect() as connection:
        server.count()
        connection.send(data)
        connection.send(AFTER)
        answer = connection.read_answer()
        assert answer.status in statuses, answer
        closing = name not in PATHS  # a path that is none is answered like any other request
        if closing:
            assert answer.closes, answer
            assert connection.is_closed(), "the connection goes on, or more was answered"
        else:
            server.count()
            assert connection.read_answer().text.startswith("THIS")
    line = server.wait_for_access()[-1 if closing else -2]
    assert line["status"] == answer.status, line
    assert re.search(why, line.get("trouble", "")), line


PATHS = {"NUL, encoded", "half an encoded octet", "an encoded octet that is none"}


@pytest.mark.parametrize("data", [row[1] for row in ROWS], ids=[row[0] for row in ROWS])
def test_malformed_request_byte_by_byte(server, data):
    """The same bytes in pieces of any size mean the same: here cut where it hurts, between CR and LF."""
    with server.connect() as connection:
        server.count()
        cut = data.find(b"\r") + 1
        if 0 < cut < len(data):
            connection.send(data[:cut])
            connection.is_quiet(0.002)
            connection.send(data[cut:])
        else:
            connection.send(data)
        if connection.buffer:
            connection.send(b"")
        assert connection.read_answer().status >= 400


def test_a_good_request_after_all_that(server):
    assert server.get("/").text == "index"


def test_the_table_is_long_enough():
    """Done when: 50 malformed requests."""
    assert len(ROWS) >= 50
    assert len({row[0] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("separator", [b"\r\n", b""])
def test_one_empty_line_before_a_request_is_let_pass(server, separator):
    """RFC 9112 section 2.2."""
    with server.connect() as connection:
        server.count(2)
        connection.send(wire.request("GET", "/"))
        assert connection.read_answer().status == 200
        connection.send(separator + wire.request("GET", "/"))
        assert connection.read_answer().status == 200
