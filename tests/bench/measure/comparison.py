# SPDX-License-Identifier: Apache-2.0
"""One kind of work, several servers: what a request costs each of them, beside the others."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.request import urlopen

from measure.load import ANSWER_SECONDS, Work
from measure.options import Options
from measure.report import Report, Table, Target, duration
from measure.rounds import Series, interleaved
from measure.server import Server

WARM_REQUESTS = 20
SETTLE_SECONDS = 0.5
Makers = dict[str, Callable[[], Server]]


@dataclass(frozen=True)
class Promise:
    """The most that one server may spend, as a factor of what another does."""

    server: str
    beside: str
    factor: float


@dataclass(frozen=True)
class Bench:
    """What the results of a bench are kept under, how it measures and where it says so."""

    name: str
    options: Options
    report: Report


def wanted(makers: Makers, options: Options) -> list[Server]:
    """--only names a server with all its variants."""
    return [make() for name, make in makers.items() if options.wants(name.split(",")[0])]


def _warm_up(server: Server, work: Work) -> None:
    """Templates are loaded, interpreters started, caches filled."""
    for number in range(WARM_REQUESTS):
        urlopen(server.url(work.path), timeout=ANSWER_SECONDS).read()
        if number == 0:
            time.sleep(SETTLE_SECONDS)


def measure(work: Work, makers: Makers, bench: Bench) -> dict[str, Series]:
    with ExitStack() as running:
        started = [running.enter_context(server) for server in wanted(makers, bench.options)]
        for server in started:
            _warm_up(server, work)
        return interleaved(started, work, bench.options.rounds, bench.options.seconds) if started else {}


def costs(work: Work, makers: Makers, promises: list[Promise], bench: Bench) -> None:
    """Processor time of a request, and whether the promises hold."""
    found = measure(work, makers, bench)
    if not found:
        return
    references = [name for name in {promise.beside: None for promise in promises} if name in found]
    headings = ["server", "CPU us/request", "requests/s", "p50", "p99", *(f"CPU / {name}" for name in references), ""]
    table = Table(work.name, headings, left=1)
    for name, series in sorted(found.items(), key=lambda item: item[1].processor_us()):
        ratios = [f"{series.processor_ratio(found[other]):.2f}" for other in references]
        table.add(name, f"{series.processor_us():.2f}", f"{series.rate():.0f}", duration(series.p50_us()),
                  duration(series.p99_us()), *ratios, series.faults())  # fmt: skip
        bench.report.record(bench.name, case=work.name, **series.values())
    bench.report.show(table)
    for promise in promises:
        if promise.server in found and promise.beside in found:
            ratio = found[promise.server].processor_ratio(found[promise.beside])
            bench.report.judge(Target(f"{work.name}: CPU of {promise.server} / {promise.beside}", ratio, promise.factor))


def rates(work: Work, makers: Makers, mine: str, factor: float, bench: Bench) -> None:
    """Requests a second, and whether `mine` has `factor` times those of the best peer."""
    found = measure(work, makers, bench)
    peers = {name: series for name, series in found.items() if not name.startswith("remuda")}
    best = max(peers.values(), key=lambda series: series.rate(), default=None)
    table = Table(work.name, ["server", "requests/s", "p50", "p99", f"rate / {best.server if best else 'best peer'}", ""], left=1)
    for name, series in sorted(found.items(), key=lambda item: -item[1].rate()):
        ratio = f"{series.rate_ratio(best):.2f}" if best else ""
        table.add(name, f"{series.rate():.0f}", duration(series.p50_us()), duration(series.p99_us()), ratio, series.faults())
        bench.report.record(bench.name, case=work.name, **series.values())
    bench.report.show(table)
    if best and mine in found:
        target = Target(f"{work.name}: rate / best peer ({best.server})", found[mine].rate_ratio(best), factor, at_least=True)
        bench.report.judge(target)
