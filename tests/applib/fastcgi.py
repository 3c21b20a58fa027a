# SPDX-License-Identifier: Apache-2.0
"""A FastCGI server's side of a connection, for driving applications by hand: records out, answers in."""

import socket
import struct
from dataclasses import dataclass, field

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR, DATA, GET_VALUES, RESULT, UNKNOWN = range(1, 12)
RESPONDER, AUTHORIZER, FILTER = 1, 2, 3


def record(kind: int, number: int, content: bytes = b"", padding: int = 0) -> bytes:
    return struct.pack(">BBHHBB", 1, kind, number, len(content), padding, 0) + content + bytes(padding)


def begin(number: int, role: int = RESPONDER, keep: bool = True) -> bytes:
    return record(BEGIN, number, struct.pack(">HB5x", role, keep))


def length(size: int) -> bytes:
    return bytes([size]) if size < 128 else struct.pack(">I", size | 1 << 31)


def pairs(variables: dict) -> bytes:
    return b"".join(length(len(name)) + length(len(value)) + name.encode() + value.encode()
                    for name, value in variables.items())


def stream(kind: int, number: int, content: bytes, most: int = 65535) -> bytes:
    pieces = [record(kind, number, content[at:at + most]) for at in range(0, len(content), most)]
    return b"".join(pieces) + record(kind, number)


def request(number: int, variables: dict | None = None, body: bytes = b"", keep: bool = True,
            role: int = RESPONDER) -> bytes:
    return begin(number, role, keep) + stream(PARAMS, number, pairs(variables or {})) + stream(STDIN, number, body)


@dataclass
class Answer:
    output: bytearray = field(default_factory=bytearray)
    log: bytearray = field(default_factory=bytearray)
    status: int | None = None  # None: not ended
    protocol: int | None = None

    @property
    def body(self) -> bytes:
        return bytes(self.output).partition(b"\r\n\r\n")[2]


class Connection:
    def __init__(self, path: str, timeout: float = 20.0):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self.buffer = bytearray()
        self.answers: dict[int, Answer] = {}
        self.management: list[tuple[int, bytes]] = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *parts: bytes):
        self.socket.sendall(b"".join(parts))

    def record(self) -> tuple[int, int, bytes] | None:
        """The next record as (type, id, content); None at the end of the connection."""
        while True:
            if len(self.buffer) >= 8:
                version, kind, number, size, padding, _ = struct.unpack(">BBHHBB", self.buffer[:8])
                assert version == 1
                if len(self.buffer) >= 8 + size + padding:
                    content = bytes(self.buffer[8:8 + size])
                    del self.buffer[:8 + size + padding]
                    return kind, number, content
            try:
                data = self.socket.recv(1 << 17)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self.buffer += data

    def take(self) -> bool:
        """Reads one record into answers or management; False at the end of the connection."""
        found = self.record()
        if found is None:
            return False
        kind, number, content = found
        if number == 0:
            self.management.append((kind, content))
            return True
        answer = self.answers.setdefault(number, Answer())
        if kind == END:
            answer.status, answer.protocol = struct.unpack(">IB3x", content)
        else:
            (answer.output if kind == STDOUT else answer.log).extend(content)
        return True

    def until_ended(self, *numbers: int) -> list[Answer]:
        """The answers to these requests, which are forgotten: their numbers may be used again."""
        while not all(number in self.answers and self.answers[number].status is not None for number in numbers):
            assert self.take(), f"the connection ended; so far: {self.answers}"
        return [self.answers.pop(number) for number in numbers]

    def ask(self, number: int, variables: dict | None = None, body: bytes = b"", **options) -> Answer:
        self.send(request(number, variables, body, **options))
        return self.until_ended(number)[0]
