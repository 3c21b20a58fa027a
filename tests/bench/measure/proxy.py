# SPDX-License-Identifier: Apache-2.0
"""bench proxy: 1 KiB from an HTTP server behind a proxy; one core for the proxy, another for load and origin.

The figure is the processor time of the proxy alone: the origin is the bare epoll loop, the same for all of them.
"""

from contextlib import ExitStack
from pathlib import Path

from measure import machine, peers
from measure.documents import Documents
from measure.load import Work
from measure.options import Options
from measure.report import Report, Table, Target, duration
from measure.rounds import interleaved
from measure.server import Server

SERVERS = ["remuda", "haproxy", "nginx"]
ORIGIN = peers.PORTS["epoll"]
PORTS = {"remuda": 8181, "haproxy": 8182, "nginx": 8183}
WORK = Work("1 KiB through a proxy, keep-alive, 32 connections", "/1k.html", 32)


def remuda(documents: Documents, program: Path) -> Server:
    if not program.is_file():
        raise machine.CannotMeasure(f"{program} is not built: `./dev build release` builds it")
    path = documents.configuration("proxy-remuda.toml", PORTS["remuda"], ORIGIN=str(ORIGIN))
    return Server("remuda", PORTS["remuda"], documents.folder, [([str(program), "serve", "-c", str(path)], PORTS["remuda"])])


def haproxy(documents: Documents) -> Server:
    path = documents.configuration("proxy-haproxy.cfg", PORTS["haproxy"], ORIGIN=str(ORIGIN))
    command = [machine.program("haproxy"), "-db", "-f", str(path)]
    return Server("haproxy", PORTS["haproxy"], documents.folder, [(command, PORTS["haproxy"])])


def nginx(documents: Documents) -> Server:
    path = documents.configuration("proxy-nginx.conf", PORTS["nginx"], ORIGIN=str(ORIGIN))
    return Server("nginx", PORTS["nginx"], documents.folder, [([machine.program("nginx"), "-c", str(path)], PORTS["nginx"])])


def run(documents: Documents, options: Options, report: Report) -> None:
    makers = {"remuda": lambda: remuda(documents, options.program), "haproxy": lambda: haproxy(documents),
              "nginx": lambda: nginx(documents)}  # fmt: skip
    with ExitStack() as running:
        running.enter_context(peers.epoll(documents))
        started = [running.enter_context(make()) for name, make in makers.items() if options.wants(name)]
        if not started:
            raise machine.CannotMeasure(f"--only leaves no server; this bench has {', '.join(SERVERS)}")
        found = interleaved(started, WORK, options.rounds, options.seconds)
    table = Table(WORK.name, ["proxy", "CPU us/request", "requests/s", "p50", "p99", ""], left=1)
    for name, series in sorted(found.items(), key=lambda item: item[1].processor_us()):
        table.add(name, f"{series.processor_us():.2f}", f"{series.rate():.0f}", duration(series.p50_us()),
                  duration(series.p99_us()), series.faults())  # fmt: skip
        report.record("proxy", case=WORK.name, **series.values())
    report.show(table)
    for other in ("haproxy", "nginx"):
        if "remuda" in found and other in found:
            report.judge(Target(f"{WORK.name}: CPU of remuda / {other}", found["remuda"].processor_ratio(found[other]), 1.0))
