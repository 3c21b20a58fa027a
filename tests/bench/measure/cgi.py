# SPDX-License-Identifier: Apache-2.0
"""bench cgi: a C program started for each request; the server and all it starts share one core.

The rate on that core is what is compared: a server that ignores SIGCHLD (fcgiwrap) leaves its programs' processor time unknown.
"""

from contextlib import ExitStack

from measure import processes
from measure.documents import Documents
from measure.load import Work
from measure.options import Options
from measure.report import Report, Table, Target, duration
from measure.rounds import Series, interleaved

SERVERS = ["remuda", "lighttpd", "nginx-fcgiwrap"]
WORK = Work("CGI, C hello, a process for each request", "/cgi-bin/hello?bench", 32)
RATE_BESIDE_LIGHTTPD = 1.15


def run(documents: Documents, options: Options, report: Report) -> None:
    with ExitStack() as running:
        servers = [running.enter_context(server) for server in options.servers(documents, SERVERS)]
        found = interleaved(servers, WORK, options.rounds, options.seconds)
        forgetful = {server.name for server in servers if processes.forgets_children(server.process_ids())}
    lighttpd = found.get("lighttpd")
    headings = ["server", "requests/s", "CPU us/request", "p50", "p99", "rate / lighttpd", ""]
    table = Table(WORK.name, headings, left=1)
    for name, series in sorted(found.items(), key=lambda item: -item[1].rate()):
        table.add(
            name,
            f"{series.rate():.0f}",
            "unknown" if name in forgetful else f"{series.processor_us():.0f}",
            duration(series.p50_us()),
            duration(series.p99_us()),
            f"{series.rate_ratio(lighttpd):.2f}" if lighttpd else "",
            series.faults(),
        )
        report.record("cgi", case=WORK.name, **series.values())
    report.show(table)
    _judge(found, report)


def _judge(found: dict[str, Series], report: Report) -> None:
    if "remuda" in found and "lighttpd" in found:
        ratio = found["remuda"].rate_ratio(found["lighttpd"])
        report.judge(Target("CGI, C hello: rate / lighttpd", ratio, RATE_BESIDE_LIGHTTPD, at_least=True))
