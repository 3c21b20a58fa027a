# SPDX-License-Identifier: Apache-2.0
"""A WSGI application with a page for everything that PEP 3333 says about servers."""
import os
import random
import sys
import threading
import time

LOADED_BY = os.getpid()
closed = [0]


class Closing:
    """An iterable that notes that it was closed."""

    def __init__(self, blocks, fails=False):
        self.blocks, self.fails = iter(blocks), fails

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.blocks)

    def close(self):
        closed[0] += 1
        if self.fails:
            raise RuntimeError("the close of it")


def plain(start, *body, status="200 OK", headers=()):
    start(status, [("Content-Type", "text/plain"), *headers])
    return list(body)


def environment(environ, start):
    lines = ["%s=%s" % (name, value) for name, value in environ.items() if not name.startswith("wsgi.")]
    lines += ["%s=%r" % (name, environ[name]) for name in environ if name.startswith("wsgi.")]
    return plain(start, "\n".join(lines).encode("latin-1", "backslashreplace"))


def types(environ, start):
    wrong = [name for name, value in environ.items() if not name.startswith("wsgi.") and type(value) is not str]
    return plain(start, repr((type(environ) is dict, wrong)).encode())


def process(environ, start):
    return plain(start, b"%d %d %d %f" % (os.getpid(), os.getppid(), LOADED_BY, random.random()))


def body(environ, start):
    data = environ["wsgi.input"].read()
    return plain(start, b"%d %d" % (len(data), sum(data) % 65536))


def pieces(environ, start):
    stream = environ["wsgi.input"]
    got = [stream.read(3), stream.read(0), stream.readline(), stream.readline(4), stream.read(2), *stream]
    return plain(start, repr([len(one) for one in got] + [got[0], stream.read(), stream.readline(), stream.readlines()]).encode())


def lines(environ, start):
    stream = environ["wsgi.input"]
    first = stream.readlines(1)
    return plain(start, repr([len(line) for line in first + stream.readlines()]).encode())


def echo(environ, start):
    start("200 OK", [("Content-Type", "application/octet-stream")])
    read = environ["wsgi.input"].read
    return iter(lambda: read(10_000), b"")


def written(environ, start):
    write = start("201 Made", [("Content-Type", "text/plain")])
    write(b"one ")
    write(b"two ")
    return [b"three"]


def replaced(environ, start):
    start("200 OK", [("X-First", "1")])
    try:
        1 / 0
    except ZeroDivisionError:
        start("503 Later", [("X-Second", "2")], sys.exc_info())
    return [b"sorry"]


def too_late(environ, start):
    start("200 OK", [("Content-Type", "text/plain")])
    yield b"begun"
    try:
        1 / 0
    except ZeroDivisionError:
        start("500 No", [], sys.exc_info())


def twice(environ, start):
    start("200 OK", [])
    start("200 OK", [])


def slowly(environ, start):
    start("200 OK", [("Content-Type", "text/plain")])
    for number in range(3):
        yield b"%f\n" % time.monotonic()
        time.sleep(0.1)


def late_start(environ, start):
    yield b""
    start("202 Later", [("Content-Type", "text/plain")])
    yield b""
    yield b"late"


def fails_midway(environ, start):
    start("200 OK", [("Content-Type", "text/plain")])
    yield b"half"
    raise RuntimeError("the reason midway")


def fails_first(environ, start):
    start("200 OK", [("Content-Type", "text/plain"), ("Set-Cookie", "no=1")])
    raise RuntimeError("the reason")
    yield b""


def fails_deep(environ, start):
    def deeper():
        raise ValueError("the reason <deep>")
    deeper()


def short(environ, start):
    start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "100")])
    return [b"too little"]


def long(environ, start):
    start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return iter([b"exactly four?"])


def endless(environ, start):
    start("200 OK", [("Content-Type", "text/plain")])
    return Closing(iter(lambda: b"x" * 10_000, None))


def endless_write(environ, start):
    write = start("200 OK", [("Content-Type", "text/plain")])
    try:
        while True:
            write(b"x" * 10_000)
    finally:
        closed[0] += 1


def file(environ, start):
    start("200 OK", [("Content-Type", "application/octet-stream")])
    source = open(sys.executable, "rb")
    source.seek(10)
    return environ["wsgi.file_wrapper"](source, 4096)


def file_like(environ, start):
    import io
    start("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](io.BytesIO(b"from memory" * 1000))


def file_iterated(environ, start):
    import io
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"".join(environ["wsgi.file_wrapper"](io.BytesIO(b"abc" * 10), 7))]


def keeps(environ, start):
    """What is kept of a request is of no use after it, and does no harm."""
    def later():
        time.sleep(0.2)
        found = []
        for what in (lambda: environ["wsgi.input"].read(), lambda: start("200 OK", []), lambda: kept_write(b"x")):
            try:
                what()
                found.append("worked")
            except RuntimeError:
                found.append("refused")
        environ["wsgi.errors"].write("kept: %s\n" % " ".join(found))
    kept_write = start("200 OK", [("Content-Type", "text/plain")])
    threading.Thread(target=later).start()
    return [b"kept"]


def log(environ, start):
    environ["wsgi.errors"].write("for the log \u20ac\n")
    environ["wsgi.errors"].writelines(["and more\n", "lines\n"])
    environ["wsgi.errors"].flush()
    print("printed", flush=True)
    return plain(start, b"")


def wait(environ, start):
    time.sleep(0.3)
    return plain(start, threading.current_thread().name.encode())


BAD_HEADERS = {
    "/bad/list": ("200 OK", (("A", "b"),)), "/bad/line": ("200 OK", [("A", "b\r\nSet-Cookie: x=1")]),
    "/bad/name": ("200 OK", [("A b", "c")]), "/bad/hop": ("200 OK", [("Connection", "close")]),
    "/bad/value": ("200 OK", [("A", 1)]), "/bad/status": ("OK", []), "/bad/number": (200, []),
    "/bad/pair": ("200 OK", [("A",)]), "/bad/length": ("200 OK", [("Content-Length", "-1")]),
    "/bad/unicode": ("200 OK", [("A", "\u20ac")]), "/bad/status-line": ("200 OK\r\nA: b", []),
    "/bad/cgi": ("200 OK", [("Status", "404 No")]),
}
PAGES = {
    "/environment": environment, "/types": types, "/process": process, "/body": body, "/pieces": pieces,
    "/lines": lines, "/echo": echo, "/written": written, "/replaced": replaced, "/too-late": too_late, "/twice": twice,
    "/slowly": slowly, "/late-start": late_start, "/fails-midway": fails_midway, "/fails-first": fails_first,
    "/fails-deep": fails_deep, "/short": short, "/long": long, "/endless": endless, "/endless-write": endless_write,
    "/file": file, "/file-like": file_like, "/file-iterated": file_iterated, "/keeps": keeps, "/log": log,
    "/wait": wait,
    "/closed": lambda environ, start: plain(start, b"%d" % closed[0]),
    "/closing": lambda environ, start: Closing(plain(start, b"a", b"b")),
    "/closing-fails": lambda environ, start: Closing(plain(start, b"a"), fails=True),
    "/empty": lambda environ, start: plain(start, status="204 No Content"),
    "/not-modified": lambda environ, start: plain(start, b"ignored", status="304 Not Modified", headers=[("ETag", '"a"')]),
    "/no-blocks": lambda environ, start: plain(start),
    "/cookies": lambda environ, start: plain(start, b"", headers=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]),
    "/text": lambda environ, start: plain(start, "text"),
    "/number": lambda environ, start: 5,
    "/none": lambda environ, start: None,
    "/silent": lambda environ, start: [b"no start"],
    "/exits": lambda environ, start: sys.exit(3),
    "/no-cookie": lambda environ, start: plain(start, b"x", headers=[("X-Latin", "\xe9")]),
}  # fmt: skip


def application(environ, start):
    path = environ["PATH_INFO"]
    if path in BAD_HEADERS:
        start(*BAD_HEADERS[path])
        return [b"bad"]
    page = PAGES.get(path)
    return page(environ, start) if page else plain(start, b"no such page", status="404 Not Found")
