# SPDX-License-Identifier: Apache-2.0
"""The load: wrk on a core of its own, and connections that are held without doing anything."""

import re
import socket
import subprocess
from dataclasses import dataclass

from measure import machine
from measure.server import Server, on_core

MICROSECONDS = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 60e6}
ANSWER_SECONDS = 10
IP_BIND_ADDRESS_NO_PORT = 24  # Linux: choose the port at connect; at bind the search for one costs more than all else
SOURCES_AFTER = 20000  # connections from one source address: it has some 28000 ports


@dataclass(frozen=True)
class Work:
    """One kind of request: what is asked for, over how many connections at once, and whether they are kept."""

    name: str
    path: str
    connections: int
    keep_alive: bool = True


@dataclass(frozen=True)
class Sample:
    """What one run of wrk against one server gave."""

    processor_us: float  # microseconds of the server's processor time for each request
    rate: float  # requests per second
    p50_us: float  # latency as the client sees it, microseconds
    p99_us: float
    faults: str  # wrk's words for failed requests, empty when all were answered well


def microseconds(text: str) -> float:
    """'1.84ms' and the like in microseconds."""
    value, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(value) * MICROSECONDS[unit]


def _percentile(output: str, percent: int) -> float:
    found = re.search(rf"^\s+{percent}%\s+(\S+)", output, re.MULTILINE)
    return microseconds(found[1]) if found else float("nan")


def wrk(server: Server, work: Work, seconds: int) -> Sample:
    """Loads a server for so many seconds; one thread of wrk, on the load's core."""
    command = [machine.program("wrk"), "-t1", f"-c{work.connections}", f"-d{seconds}s", "--latency"]
    if not work.keep_alive:
        command += ["-H", "Connection: close"]
    before = server.processor_time()
    output = subprocess.run(
        command + [server.url(work.path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 60,
        preexec_fn=on_core(machine.LOAD_CORE),
    ).stdout
    spent = server.processor_time() - before
    requests = int(found[1]) if (found := re.search(r"(\d+) requests in", output)) else 0
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    if requests == 0:
        raise machine.CannotMeasure(f"{server.name} answered nothing to {work.name}:\n{output}{server.log_tail()}")
    faults = [line.strip() for line in output.splitlines() if "Non-2xx" in line or "Socket errors" in line]
    return Sample(
        processor_us=spent / 1e3 / requests,
        rate=float(rate[1]),
        p50_us=_percentile(output, 50),
        p99_us=_percentile(output, 99),
        faults="; ".join(faults),
    )


def held_connections(server: Server, path: str, count: int) -> list[socket.socket]:
    """Opens count connections, has one request answered on each, and keeps them: the caller closes them."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    held = []
    try:
        for number in range(count):
            held.append(_one_answered(server, request, f"127.0.0.{2 + number // SOURCES_AFTER}"))
    except OSError as error:
        close_all(held)
        raise machine.CannotMeasure(f"{server.name} held {len(held)} of {count} connections: {error}") from error
    return held


def _one_answered(server: Server, request: bytes, source: str) -> socket.socket:
    connection = socket.socket()
    connection.settimeout(ANSWER_SECONDS)
    connection.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    connection.bind((source, 0))
    connection.connect(("127.0.0.1", server.port))
    connection.sendall(request)
    answer = b""
    while b"\r\n\r\n" not in answer:
        received = connection.recv(65536)
        if not received:
            raise OSError("the server closed the connection")
        answer += received
    return connection


def close_all(connections: list[socket.socket]) -> None:
    for connection in connections:
        connection.close()
