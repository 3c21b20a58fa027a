# SPDX-License-Identifier: Apache-2.0
"""bench static: files of 1 KiB and 1 MiB, beside nginx, lighttpd, H2O and a bare epoll loop; one core for the server."""

from contextlib import ExitStack
from dataclasses import dataclass

from measure import machine, peers
from measure.documents import Documents
from measure.load import Work
from measure.options import Options
from measure.report import Report, Table, Target, duration
from measure.rounds import Series, interleaved

SERVERS = ["remuda", "nginx", "lighttpd", "h2o", "epoll"]
BEST = "best peer"


@dataclass(frozen=True)
class Case:
    """A kind of work, the most Remuda may spend on it, and beside whom: factor times the processor time of `beside`."""

    work: Work
    factor: float
    beside: str
    limit_answers: bool = True  # the bare loop has nothing but 1 KiB to give


CASES = [
    Case(Work("1 KiB, keep-alive, 32 connections", "/1k.html", 32), 0.9, "h2o"),
    Case(Work("1 KiB, keep-alive, 2000 connections", "/1k.html", 2000), 0.9, "h2o"),
    Case(Work("1 KiB, a connection for each request", "/1k.html", 32, keep_alive=False), 1.0, BEST),
    Case(Work("1 MiB, keep-alive, 32 connections", "/1m.bin", 32), 1.0, "lighttpd", limit_answers=False),
]


def best_peer(found: dict[str, Series]) -> Series | None:
    """The peer that spends least; neither Remuda nor the bare loop is one."""
    candidates = [series for name, series in found.items() if name not in ("remuda", peers.LIMIT)]
    return min(candidates, key=Series.processor_us, default=None)


def run(documents: Documents, options: Options, report: Report) -> None:
    machine.require_descriptors(3000, "2000 connections")
    with ExitStack() as running:
        servers = [running.enter_context(server) for server in options.servers(documents, SERVERS)]
        for case in CASES:
            able = [server for server in servers if case.limit_answers or server.name != peers.LIMIT]
            if able:
                _show(case, interleaved(able, case.work, options.rounds, options.seconds), report)


def _show(case: Case, found: dict[str, Series], report: Report) -> None:
    best = best_peer(found)
    headings = ["server", "CPU us/request", "requests/s", "p50", "p99", "CPU / best peer", ""]
    table = Table(case.work.name, headings, left=1)
    for name, series in sorted(found.items(), key=lambda item: item[1].processor_us()):
        table.add(
            name,
            f"{series.processor_us():.2f}",
            f"{series.rate():.0f}",
            duration(series.p50_us()),
            duration(series.p99_us()),
            f"{series.processor_ratio(best):.2f}" if best else "",
            series.faults(),
        )
        report.record("static", case=case.work.name, **series.values())
    report.show(table)
    beside = best if case.beside == BEST else found.get(case.beside)
    if "remuda" in found and beside is not None:
        text = f"{case.work.name}: CPU / {beside.server}"
        report.judge(Target(text, found["remuda"].processor_ratio(beside), case.factor))
