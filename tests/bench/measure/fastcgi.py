# SPDX-License-Identifier: Apache-2.0
"""bench fastcgi: applications kept alive in four processes; the server and they share one core.

The figure is the processor time of server and application together. With keep-alive towards four libfcgi processes a
server that does not know their number makes all but four clients wait: that is what the last part shows.
"""

from collections.abc import Callable
from statistics import median

from measure import fastcgi_servers as servers
from measure import machine
from measure.clients import Waits, waits
from measure.comparison import Bench, Makers, Promise, costs, wanted
from measure.documents import Documents
from measure.load import Work
from measure.options import Options
from measure.report import Report, Table, Target, duration
from measure.server import Server

SERVERS = ["remuda", "nginx", "lighttpd", "h2o"]
LIBFCGI, REMUDA_APP, NGINX, KEPT = "remuda", "remuda, remuda_app", "nginx", "nginx, keep-alive"
PHP_POOL, PHP_NGINX, PHP_NGINX_KEPT = "remuda, php-cgi", "nginx, php-fpm", "nginx, keep-alive, php-fpm"

C_WORK = Work("C hello on four processes, 32 connections", "/hello?bench", 32)
C_PROMISES = [Promise(LIBFCGI, NGINX, 0.85), Promise(LIBFCGI, KEPT, 0.85),
              Promise(REMUDA_APP, NGINX, 0.6), Promise(REMUDA_APP, KEPT, 0.6)]  # fmt: skip
PHP_WORK = Work("PHP hello on four processes, 32 connections", "/hello.php?bench", 32)
PHP_PROMISES = [Promise(PHP_POOL, PHP_NGINX, 0.9), Promise(PHP_POOL, PHP_NGINX_KEPT, 0.9)]
CLIENTS = 200
MOST_WAIT = 3.0  # times the median


def c_servers(documents: Documents, options: Options) -> Makers:
    def remuda(name: str, application: Callable, **how) -> Callable[[], Server]:
        return lambda: servers.pool(documents, options.program, application(documents), name=name, **how)

    return {
        LIBFCGI: remuda(LIBFCGI, servers.libfcgi_hello),
        REMUDA_APP: remuda(REMUDA_APP, servers.remuda_app_hello, concurrency=servers.MULTIPLEXED, options="multiplex = true"),
        NGINX: lambda: servers.nginx(documents, servers.prefork, name=NGINX, kept=False),
        KEPT: lambda: servers.nginx(documents, servers.prefork, name=KEPT, kept=True),
        "lighttpd": lambda: servers.lighttpd(documents, servers.prefork),
        "h2o": lambda: servers.h2o(documents, servers.prefork),
    }


def php_servers(documents: Documents, options: Options) -> Makers:
    return {
        PHP_POOL: lambda: servers.php_pool(documents, options.program, PHP_POOL),
        PHP_NGINX: lambda: servers.nginx(documents, servers.php_fpm, name=PHP_NGINX, kept=False),
        PHP_NGINX_KEPT: lambda: servers.nginx(documents, servers.php_fpm, name=PHP_NGINX_KEPT, kept=True),
    }


def run(documents: Documents, options: Options, report: Report) -> None:
    if not any(map(options.wants, SERVERS)):
        raise machine.CannotMeasure(f"--only leaves no server; this bench has {', '.join(SERVERS)}")
    documents.compile("clients", documents.folder / "clients")
    bench = Bench("fastcgi", options, report)
    costs(C_WORK, c_servers(documents, options), C_PROMISES, bench)
    costs(PHP_WORK, php_servers(documents, options), PHP_PROMISES, bench)
    _fairness(documents, options, report)


def _fairness(documents: Documents, options: Options, report: Report) -> None:
    """Each client asks again at once: with 200 of them on four processes most of them wait, and none for long."""
    makers = {name: make for name, make in c_servers(documents, options).items() if name != REMUDA_APP}
    headings = ["server", "requests/s", "p50", "p99", "longest", "worst client's p99", "fewest", "most", "failed"]
    table = Table(f"{CLIENTS} clients on four processes: what each waits", headings, left=1)
    for server in wanted(makers, options):
        with server:
            found = [waits(documents, server, C_WORK.path, CLIENTS, options.seconds) for _ in range(options.rounds)]
        _add(table, server.name, found, options, report)
    report.show(table)


def _add(table: Table, name: str, found: list[Waits], options: Options, report: Report) -> None:
    def middle(value: Callable[[Waits], float]) -> float:
        return median(value(each) for each in found)

    table.add(
        name,
        f"{middle(lambda each: each.requests) / options.seconds:.0f}",
        *(duration(middle(value)) for value in (lambda w: w.p50, lambda w: w.p99, lambda w: w.longest, lambda w: w.worst_p99)),
        f"{middle(lambda each: each.fewest):.0f}",
        f"{middle(lambda each: each.most):.0f}",
        f"{middle(lambda each: each.failed):.0f}",
    )
    report.record("fastcgi", case="fairness", server=name, rounds=[vars(each) for each in found])
    if name == LIBFCGI:
        text = f"{CLIENTS} clients on four processes"
        report.judge(Target(f"{text}: p99 / p50", middle(lambda each: each.p99 / each.p50), MOST_WAIT))
        report.judge(Target(f"{text}: longest wait of any / p50", middle(lambda each: each.longest / each.p50), MOST_WAIT))
