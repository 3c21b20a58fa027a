# SPDX-License-Identifier: Apache-2.0
"""bench slow: what a normal client notices of 10,000 others that each send one byte a second."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from measure import machine
from measure.documents import Documents
from measure.load import Sample, Work, wrk
from measure.options import Options
from measure.report import Report, Table, Target, duration
from measure.server import Server, on_core

SERVERS = ["remuda", "nginx", "lighttpd", "h2o"]
CONNECTIONS = 10000
NORMAL = Work("a normal client, one connection", "/1k.html", 1)
MOST_ADDED_US = 500  # what a client may notice at p99
CONNECT_SECONDS = 60
NICENESS = 5  # the slow clients share a core with the normal one and must not be what delays it


class SlowClients:
    """The running trickle program, and after it has ended what it reported."""

    def __init__(self, process: subprocess.Popen):
        self._process = process
        self.held = 0  # connections that the server still kept at the end
        self.sent = 0  # bytes sent to it, one at a time

    def finish(self) -> None:
        self._process.terminate()
        words = self._process.communicate(timeout=30)[0].split()
        self.held, self.sent = int(words[1]), int(words[3])


@contextmanager
def slow_clients(documents: Documents, server: Server, seconds: int) -> Iterator[SlowClients]:
    """Slow connections to a server, all made before the block begins; ended with it."""

    def prepare() -> None:
        on_core(machine.LOAD_CORE)()
        os.nice(NICENESS)

    command = [str(documents.folder / "trickle"), str(server.port), str(CONNECTIONS), str(seconds + CONNECT_SECONDS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=prepare) as process:
        try:
            words = process.stdout.readline().split()
            if words != ["ready", str(CONNECTIONS)]:
                raise machine.CannotMeasure(f"{server.name} took {words[1:] or 'none'} of {CONNECTIONS} slow connections")
            clients = SlowClients(process)
            yield clients
            clients.finish()
        finally:
            process.kill()


def run(documents: Documents, options: Options, report: Report) -> None:
    machine.require_descriptors(CONNECTIONS + 100, f"{CONNECTIONS} slow connections")
    headings = ["server", "p50 alone", "p99 alone", "p50 with", "p99 with", "p99 added", "still held", "bytes sent"]
    table = Table(f"{NORMAL.name}, alone and with {CONNECTIONS} that send one byte a second", headings, left=1)
    for server in options.servers(documents, SERVERS):
        try:
            alone, beside, clients = _measure(documents, server, options)
        except machine.CannotMeasure as reason:
            if server.name == "remuda":
                raise
            table.add(server.name, *["-"] * 7)
            print(f"bench slow: without {server.name}: {str(reason).splitlines()[0]}", file=sys.stderr)
            continue
        _add(table, server.name, alone, beside, clients, report)
    report.show(table)


def _measure(
    documents: Documents, server: Server, options: Options
) -> tuple[list[Sample], list[Sample], SlowClients]:
    """Samples of the normal client alone, the same beside the slow ones, and what became of those."""
    with server:
        alone = [wrk(server, NORMAL, options.seconds) for _ in range(options.rounds)]
        with slow_clients(documents, server, options.rounds * options.seconds) as clients:
            beside = [wrk(server, NORMAL, options.seconds) for _ in range(options.rounds)]
    return alone, beside, clients


def _add(
    table: Table, name: str, alone: list[Sample], beside: list[Sample], clients: SlowClients, report: Report
) -> None:
    p50_alone, p99_alone = median(s.p50_us for s in alone), median(s.p99_us for s in alone)
    p50_beside, p99_beside = median(s.p50_us for s in beside), median(s.p99_us for s in beside)
    added = p99_beside - p99_alone
    latencies = [duration(value) for value in (p50_alone, p99_alone, p50_beside, p99_beside)]
    table.add(name, *latencies, f"{added:+.0f} us", str(clients.held), str(clients.sent))
    report.record(
        "slow",
        server=name,
        p50_alone_us=p50_alone,
        p99_alone_us=p99_alone,
        p50_beside_us=p50_beside,
        p99_beside_us=p99_beside,
        slow_connections_held=clients.held,
        bytes_sent=clients.sent,
    )
    if name == "remuda":
        report.judge(Target(f"{CONNECTIONS} slow clients: us added to a normal client's p99", added, MOST_ADDED_US))
        report.judge(Target("slow clients still held", clients.held, CONNECTIONS, at_least=True))
