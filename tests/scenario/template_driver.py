# SPDX-License-Identifier: Apache-2.0
"""Plays the spawner for one template, without a server: docs/templates.md has the protocol.

    with Template(["/usr/bin/perl", loader, script]) as template:
        template.wait_ready()
        result = template.run({"QUERY_STRING": "a=1"}, body=b"...")
    result == executed([script], {"QUERY_STRING": "a=1"}, body=b"...")
"""

import array
import ctypes
import os
import signal
import socket
import struct
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

FORK, STEP, WARNING, READY, UNFIT, CHANGED, REFUSED, FORKED, ENDED = 1, 16, 17, 18, 19, 20, 21, 22, 23
TEXT_KINDS = {WARNING, UNFIT, CHANGED}
PATIENCE = 20.0
CREDENTIALS = socket.CMSG_SPACE(struct.calcsize("iII"))
_libc = ctypes.CDLL(None)


def text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("=H", len(raw)) + raw


def packet(kind: int, fields: bytes) -> bytes:
    return struct.pack("=HHI", 1, kind, 8 + len(fields)) + fields


@dataclass
class Record:
    kind: int
    fields: bytes
    sender: int

    def text(self, at: int = 0) -> str:
        (size,) = struct.unpack_from("=H", self.fields, at)
        return self.fields[at + 2 : at + 2 + size].decode(errors="replace")


@dataclass(frozen=True)
class Result:
    """What a program did, as the client, the log and the server see it."""

    out: bytes
    err: bytes
    status: int  # as of wait(2)


class Ended(Exception):
    """The template has gone, or has said why it cannot be forked from."""


@dataclass
class Template:
    command: list[str]
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": os.environ["PATH"], "REMUDA_LOADING": "1"})
    directory: str = "/"
    user: int | None = None

    def __enter__(self) -> "Template":
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.channel.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.channel.settimeout(PATIENCE)
        self.log = tempfile.TemporaryFile()
        self.heard: list[Record] = []
        self.next_id = 7
        end = theirs.fileno()

        def prepare() -> None:
            os.dup2(end, 3, inheritable=True) if end != 3 else os.set_inheritable(3, True)
            os.closerange(4, 65536)
            os.setpgid(0, 0)

        self.process = subprocess.Popen(
            self.command, env={**self.environment, "REMUDA_TEMPLATE": "3,request"}, cwd=self.directory, close_fds=False,
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, preexec_fn=prepare, user=self.user)  # fmt: skip
        theirs.close()
        return self

    def __exit__(self, *_) -> None:
        self.channel.close()
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
            self.log.close()

    def said(self) -> str:
        """What it wrote to its standard output and error."""
        self.log.flush()
        return os.pread(self.log.fileno(), 1 << 20, 0).decode(errors="replace")

    def hear(self) -> Record:
        data, controls, _, _ = self.channel.recvmsg(65536, CREDENTIALS)
        if not data:
            raise Ended(f"status {self.process.wait(PATIENCE)}: {self.said()}")
        version, kind, size = struct.unpack_from("=HHI", data)
        assert version == 1 and size == len(data), data
        sender = next(struct.unpack("iII", d)[0] for _, t, d in controls if t == socket.SCM_CREDENTIALS)
        record = Record(kind, data[8:], sender)
        self.heard.append(record)
        return record

    def hear_until(self, *kinds: int) -> Record:
        while (record := self.hear()).kind not in kinds:
            if record.kind == UNFIT:
                raise Ended(record.text())
        return record

    def wait_ready(self) -> "Template":
        self.hear_until(READY)
        return self

    def why_unfit(self) -> str:
        try:
            self.hear_until(UNFIT, READY)
        except Ended as why:
            return str(why)
        assert self.heard[-1].kind == UNFIT, "it is ready"
        return self.heard[-1].text()

    def warnings(self) -> list[str]:
        return [record.text() for record in self.heard if record.kind == WARNING]

    def ask(self, environment: dict[str, str], descriptors: list[int], directory: str = "", program: str = "") -> int:
        """Wants a process; its number."""
        self.next_id += 1
        variables = b"".join(f"{name}={value}".encode("utf-8", "surrogateescape") + b"\0" for name, value in environment.items())
        fields = struct.pack("=Q", self.next_id) + text(directory) + text(program) + variables
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
        self.channel.sendmsg([packet(FORK, fields)], [rights])
        return self.next_id

    def run(self, environment: dict[str, str], body: bytes = b"", directory: str = "") -> Result:
        """One request as a CGI program has it: a pipe or a file for each of the three descriptors."""
        with Descriptors(body) as three:
            self.ask(environment, three.numbers(), directory)
            forked = self.hear_until(FORKED, REFUSED)
            if forked.kind == REFUSED:
                raise Ended(f"refused: {os.strerror(struct.unpack_from('=i', forked.fields, 8)[0])}: {forked.text(12)}")
            self.pid = forked.sender
            ended = self.hear_until(ENDED)
            pid, status = struct.unpack_from("=ii", ended.fields)
            assert pid == self.pid, "another process has ended"
            return three.result(status)


class Descriptors:
    """Standard input from a pipe, output and error into files, read when the program has ended."""

    def __init__(self, body: bytes):
        self.input, end = os.pipe()
        os.write(end, body)
        os.close(end)
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()

    def __enter__(self) -> "Descriptors":
        return self

    def __exit__(self, *_) -> None:
        os.close(self.input)
        self.out.close()
        self.err.close()

    def numbers(self) -> list[int]:
        return [self.input, self.out.fileno(), self.err.fileno()]

    def result(self, status: int) -> Result:
        out, err = (os.pread(file.fileno(), 1 << 24, 0) for file in (self.out, self.err))
        return Result(out, err, status)


def executed(command: list[str], environment: dict[str, str], body: bytes = b"", directory: str = "/") -> Result:
    """The same, by exec: in a process group of its own, no other descriptors."""
    with Descriptors(body) as three:
        process = subprocess.Popen(command, env=environment, cwd=directory, stdin=three.input, stdout=three.out,
                                   stderr=three.err, process_group=0)  # fmt: skip
        _, status = os.waitpid(process.pid, 0)
        process.returncode = status
        return three.result(status)


def processor_time(pid: int) -> float:
    """Seconds, user and system, of a process and of the children it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def seconds_each(do, times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        do()
    return (time.perf_counter() - began) / times


def settle() -> None:
    """After a file was written: one that changes while a template starts counts as changed."""
    time.sleep(0.02)


def reset_signals() -> None:
    """Python ignores some signals, which exec would hand on."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
