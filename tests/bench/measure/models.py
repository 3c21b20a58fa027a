# SPDX-License-Identifier: Apache-2.0
"""bench models: Remuda in every model of concurrency; the same files, the same program, three other numbers.

For each: processor time per request, memory at rest and for each connection held, and what a blocked request does to
the others: the p99 of normal requests while one CGI program does not answer, and while one client does not finish its
request. Where a model has few places, as many blocked requests as there are places stop it: the last column says what
one normal request then waits, or that it got no answer within the limit.
"""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from measure import machine
from measure.documents import Documents
from measure.load import Work, close_all, held_connections
from measure.options import Options
from measure.remuda import FIRST_MODEL_PORT, Model, remuda
from measure.report import Report, Table, duration
from measure.rounds import interleaved
from measure.server import Server

LOAD_CONNECTIONS = 32
HELD_CONNECTIONS = 32
PLACES = 40  # more than the load's connections, so that none of them waits for another to leave

MODELS = [
    Model("event driven", processes=1, threads=1, connections=20000),
    Model("prefork", processes=PLACES, threads=1, connections=1),
    Model("thread pool", processes=1, threads=PLACES, connections=1),
    Model("hybrid", processes=2, threads=2, connections=5000),
    Model("process per connection", processes=PLACES, threads=1, connections=1, start="per-connection"),
    Model("inetd", processes=PLACES, threads=1, connections=1, inetd=True),
]

KEPT = Work("keep-alive", "/1k.html", LOAD_CONNECTIONS)
CLOSED = Work("a connection for each request", "/1k.html", LOAD_CONNECTIONS, keep_alive=False)
NORMAL = Work("normal requests", "/1k.html", 8)
SLOW_PROGRAM = b"GET /cgi-bin/slow HTTP/1.1\r\nHost: localhost\r\n\r\n"
SLOW_CLIENT = b"GET /1k.html HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
ONE_REQUEST = b"GET /1k.html HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
PATIENCE_SECONDS = 2.0
MOST_BLOCKED = 100  # with more places than these the model cannot be stopped this way
SETTLE_SECONDS = 0.3


@contextmanager
def blocked(server: Server, request: bytes, count: int = 1) -> Iterator[None]:
    """So many requests in the server that do not come to an end during the block."""
    held = []
    try:
        for _ in range(count):
            held.append(socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_SECONDS))
            held[-1].sendall(request)
        time.sleep(SETTLE_SECONDS)
        yield
    finally:
        close_all(held)
        time.sleep(SETTLE_SECONDS)


def memory_for_connections(server: Server) -> tuple[float, float]:
    """Bytes of PSS at rest, and for each connection held."""
    close_all(held_connections(server, "/1k.html", HELD_CONNECTIONS))
    time.sleep(SETTLE_SECONDS)
    rest = server.memory()
    held = held_connections(server, "/1k.html", HELD_CONNECTIONS)
    time.sleep(SETTLE_SECONDS)
    each = (server.memory() - rest) / HELD_CONNECTIONS
    close_all(held)
    time.sleep(SETTLE_SECONDS)
    return rest, each


def wait_when_full(server: Server, model: Model) -> str:
    """What one normal request waits while every place of the model is taken by a client that does not go on."""
    if model.places > MOST_BLOCKED:
        return f"has {model.places} places"
    with blocked(server, SLOW_CLIENT, model.places):
        started = time.monotonic()
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_SECONDS) as connection:
            try:
                connection.sendall(ONE_REQUEST)
                answered = connection.recv(4096).startswith(b"HTTP/1.1 200")
            except (TimeoutError, ConnectionError):
                answered = False
        waited = time.monotonic() - started
    return duration(waited * 1e6) if answered else "no answer"


def run(documents: Documents, options: Options, report: Report) -> None:
    if not options.wants("remuda"):
        raise machine.CannotMeasure("models are those of remuda alone; --only must have it")
    cost = Table(
        "models: what a request and a connection cost",
        ["model", "processes x threads x connections", "CPU us, keep-alive", "CPU us, connection each", "KiB at rest",
         "KiB a connection", ""],
    )  # fmt: skip
    delay = Table(
        "models: p99 of normal requests beside a blocked one",
        ["model", "alone", "a slow program", "a slow client", "all places taken"],
        left=1,
    )
    for number, model in enumerate(MODELS):
        with remuda(documents, options.program, model, FIRST_MODEL_PORT + number) as server:
            rest, each = memory_for_connections(server)
            kept = interleaved([server], KEPT, options.rounds, options.seconds)[server.name]
            closed = interleaved([server], CLOSED, options.rounds, options.seconds)[server.name]
            alone = _p99(server, options)
            with blocked(server, SLOW_PROGRAM):
                program = _p99(server, options)
            with blocked(server, SLOW_CLIENT):
                client = _p99(server, options)
            full = wait_when_full(server, model)
        cost.add(
            model.name,
            f"{model.processes} x {model.threads} x {model.connections}",
            f"{kept.processor_us():.1f}",
            f"{closed.processor_us():.1f}",
            f"{rest / 1024:.0f}",
            f"{each / 1024:.1f}",
            kept.faults() or closed.faults(),
        )
        delay.add(model.name, duration(alone), duration(program), duration(client), full)
        report.record(
            "models",
            model=model.name,
            places=model.places,
            keep_alive=kept.values(),
            connection_each=closed.values(),
            memory_at_rest_bytes=rest,
            memory_each_bytes=each,
            p99_alone_us=alone,
            p99_beside_slow_program_us=program,
            p99_beside_slow_client_us=client,
            all_places_taken=full,
        )
    report.show(cost)
    report.show(delay)


def _p99(server: Server, options: Options) -> float:
    """The p99 of normal requests, microseconds, the median of the rounds."""
    return interleaved([server], NORMAL, options.rounds, options.seconds)[server.name].p99_us()
