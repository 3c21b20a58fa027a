# SPDX-License-Identifier: Apache-2.0
"""A client that hides nothing: it sends the bytes it is given and reads answers strictly by RFC 9112.

A Connection wraps one socket; every wait has a time limit. An answer whose framing is wrong (a short body, a bad
chunk, no CRLF) raises Misframed instead of being repaired.
"""

import re
import socket
import time
from dataclasses import dataclass, field

PATIENCE = 20.0  # seconds that any single wait may take

STATUS_LINE = re.compile(rb"HTTP/(1\.[01]) ([1-5][0-9][0-9]) ([^\r\n]*)\Z")
FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*\Z", re.S)


class Misframed(AssertionError):
    """What came is not a message of HTTP/1.1."""


class Closed(AssertionError):
    """The connection ended where an answer was expected."""


@dataclass
class Answer:
    """One response, with the informational ones that came before it."""

    status: int
    reason: str
    version: str
    fields: list[tuple[str, str]]
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    interim: list["Answer"] = field(default_factory=list)
    until_close: bool = False  # the body ended with the connection

    def get(self, name: str, default: str | None = None) -> str | None:
        """The value of a field, several joined by ", "."""
        values = self.all(name)
        return ", ".join(values) if values else default

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        assert value is not None, f"there is no field {name} in {self.fields}"
        return value

    def __contains__(self, name: str) -> bool:
        return bool(self.all(name))

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def closes(self) -> bool:
        return "close" in [option.strip().lower() for option in (self.get("Connection") or "").split(",")]


def request(method: str, target: str, *lines: str, body: bytes | None = None, host: str | None = "test",
            version: str = "1.1") -> bytes:
    """The bytes of a well-formed request."""
    head = [f"{method} {target} HTTP/{version}"]
    if host is not None:
        head.append(f"Host: {host}")
    head += lines
    if body is not None:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join(head + ["", ""]).encode("latin-1") + (body or b"")


def chunked(*pieces: bytes, trailers: tuple[str, ...] = ()) -> bytes:
    """A chunked body of these chunks."""
    whole = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return whole + b"0\r\n" + b"".join(t.encode() + b"\r\n" for t in trailers) + b"\r\n"


class Connection:
    """One connection to the server."""

    def __init__(self, address, timeout: float = PATIENCE, receive_buffer: int | None = None):
        family = socket.AF_UNIX if isinstance(address, str) else (
            socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        if family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.ended = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Leaves with a reset instead of a farewell."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def send(self, data: bytes):
        self.socket.sendall(data)

    def end_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def more(self) -> bool:
        """Receives once. False at the end of the stream."""
        piece = self.socket.recv(1 << 18)
        self.buffer += piece
        self.ended = self.ended or not piece
        return bool(piece)

    def read_until(self, mark: bytes) -> bytes:
        while mark not in self.buffer:
            if not self.more():
                if not self.buffer:
                    raise Closed(f"the connection ended before {mark!r}")
                raise Misframed(f"the connection ended before {mark!r}, after {self.buffer[:200]!r}")
        before, _, self.buffer = self.buffer.partition(mark)
        return before

    def read_exactly(self, count: int) -> bytes:
        pieces, have = [self.buffer], len(self.buffer)
        while have < count:
            piece = self.socket.recv(1 << 18)
            if not piece:
                raise Misframed(f"the connection ended after {have} of {count} bytes")
            pieces.append(piece)
            have += len(piece)
        whole = b"".join(pieces)
        self.buffer = whole[count:]
        return whole[:count]

    def read_to_end(self) -> bytes:
        """Everything until the server closes."""
        pieces = [self.buffer]
        self.buffer = b""
        while piece := self.socket.recv(1 << 18):
            pieces.append(piece)
        self.ended = True
        return b"".join(pieces)

    def read_head(self) -> Answer:
        lines = self.read_until(b"\r\n\r\n").split(b"\r\n")
        start = STATUS_LINE.match(lines[0])
        if not start:
            raise Misframed(f"not a status line: {lines[0][:200]!r}")
        fields = []
        for line in lines[1:]:
            found = FIELD_LINE.match(line)
            if not found or b"\r" in line or b"\n" in line or b"\0" in line:
                raise Misframed(f"not a field line: {line[:200]!r}")
            fields.append((found[1].decode(), found[2].decode("latin-1")))
        return Answer(int(start[2]), start[3].decode("latin-1"), start[1].decode(), fields)

    def read_chunked(self, answer: Answer):
        pieces = []
        while True:
            size = self.read_until(b"\r\n").split(b";")[0]
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,16}", size):
                raise Misframed(f"not a chunk size: {size[:100]!r}")
            if int(size, 16) == 0:
                break
            pieces.append(self.read_exactly(int(size, 16)))
            if self.read_exactly(2) != b"\r\n":
                raise Misframed("a chunk does not end in CRLF")
        while line := self.read_until(b"\r\n"):
            name, _, value = line.decode("latin-1").partition(":")
            answer.trailers.append((name, value.strip()))
        answer.body = b"".join(pieces)

    def read_answer(self, method: str = "GET") -> Answer:
        """The next final response, body and all."""
        interim = []
        while (answer := self.read_head()).status < 200 and answer.status != 101:
            interim.append(answer)
        answer.interim = interim
        if method == "HEAD" or answer.status in (101, 204, 304):
            return answer
        lengths = answer.all("Content-Length")
        if answer.all("Transfer-Encoding"):
            if lengths:
                raise Misframed("Transfer-Encoding beside Content-Length")
            self.read_chunked(answer)
        elif lengths:
            if len(lengths) != 1:
                raise Misframed("several Content-Length fields")
            answer.body = self.read_exactly(int(lengths[0]))
        else:
            answer.body = self.read_to_end()
            answer.until_close = True
        return answer

    def ask(self, data: bytes) -> Answer:
        """Sends one request and reads its answer."""
        self.send(data)
        return self.read_answer(data.split(b" ", 1)[0].decode("latin-1"))

    def is_closed(self, within: float = PATIENCE) -> bool:
        """Whether the server ends the connection in time, with nothing more on it."""
        if self.buffer:
            return False
        self.socket.settimeout(within)
        try:
            return self.ended or self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    def is_quiet(self, during: float) -> bool:
        """Whether nothing comes for so long; the end of the stream is something."""
        if self.buffer:
            return False
        before, started = self.socket.gettimeout(), time.monotonic()
        self.socket.settimeout(during)
        try:
            self.buffer += self.socket.recv(1 << 16)
            return False
        except TimeoutError:
            return time.monotonic() - started >= during * 0.9
        finally:
            self.socket.settimeout(before)
