# SPDX-License-Identifier: Apache-2.0
"""bench apps: applications in languages, by what a request costs, and programs of CGI, by how many start in a second.

CGI programs are forked from templates by Remuda; the peers have no such thing and start each anew. For Django: what an
instance more costs, in time and memory, forked from a template and started cold.
"""

import os
import re
import signal
import time
from pathlib import Path
from statistics import median
from urllib.request import urlopen

from measure import app_servers as servers
from measure import machine, peers
from measure.comparison import Bench, Makers, Promise, costs, rates
from measure.documents import Documents
from measure.load import Work
from measure.options import Options
from measure.report import Report, Table, Target
from measure.server import Server

SERVERS = ["remuda", "nginx-uwsgi", "apache", "gunicorn", "starman", "unicorn", "puma", "apache-prefork", "lighttpd",
           "nginx-fcgiwrap"]  # fmt: skip
WSGI = Work("WSGI hello on four processes, 32 connections", "/wsgi?bench", 32)
PSGI = Work("PSGI hello on four processes, 32 connections", "/psgi?bench", 32)
RACK = Work("Rack hello on four processes, 32 connections", "/rack?bench", 32)
PHP = Work("PHP hello on four processes, 32 connections", "/hello.php?bench", 32)
WSGI_PROMISES = [Promise("remuda", "nginx-uwsgi", 0.7), Promise("remuda", "apache", 0.7)]
PSGI_PROMISES = [Promise("remuda", "starman", 0.7)]
RACK_PROMISES = [Promise("remuda", "unicorn", 0.9)]
PHP_PROMISES = [Promise("remuda", "apache-prefork", 0.8)]
# Work: how many times the rate of the best peer. Of 32 that start Python at once none would end within a sample.
CGI = {
    Work("CGI in Python under fork", "/cgi-bin/hello.py?n=1", 8): 20.0,
    Work("CGI in Perl under fork", "/cgi-bin/hello.pl?n=1", 8): 12.0,
    Work("CGI in C under fork", "/cgi-bin/hello?n=1", 32): 2.5,
}
INSTANCES = 8
WARM_REQUESTS = 400
PATIENCE_SECONDS = 60
READY = re.compile(r"app measured\[(\d+)\]: ready after ([\d.]+) ms")
TEMPLATE = re.compile(r"template generation \d+ \(pid (\d+)\) ready after ([\d.]+) ms")
NEW_INSTANCE_MS = 15.0
MEMORY_SHARE = 0.5


def wsgi_servers(documents: Documents, options: Options) -> Makers:
    root = servers.wsgi_application(documents)
    return {
        "remuda": lambda: servers.pool(documents, options.program, "wsgi", root),
        "nginx-uwsgi": lambda: servers.nginx_with_uwsgi(documents),
        "apache": lambda: servers.apache(documents),
        "gunicorn": lambda: servers.gunicorn(documents),
    }


def psgi_servers(documents: Documents, options: Options) -> Makers:
    root = servers.psgi_application(documents)
    return {
        "remuda": lambda: servers.pool(documents, options.program, "psgi", root),
        "starman": lambda: servers.starman(documents),
    }


def rack_servers(documents: Documents, options: Options) -> Makers:
    root = servers.rack_application(documents)
    return {
        "remuda": lambda: servers.pool(documents, options.program, "rack", root),
        "unicorn": lambda: servers.unicorn(documents),
        "puma": lambda: servers.puma(documents),
    }


def php_servers(documents: Documents, options: Options) -> Makers:
    root = servers.php_scripts(documents)
    return {
        "remuda": lambda: servers.pool(documents, options.program, "php", root),
        "apache-prefork": lambda: servers.apache_prefork(documents),
    }


def cgi_servers(documents: Documents, options: Options) -> Makers:
    servers.cgi_programs(documents)
    return {
        "remuda, fork": lambda: servers.cgi(documents, options.program, "fork"),
        "remuda, exec": lambda: servers.cgi(documents, options.program, "exec"),
        "lighttpd": lambda: peers.lighttpd(documents),
        "apache": lambda: servers.apache(documents),
        "nginx-fcgiwrap": lambda: peers.nginx_with_fcgiwrap(documents),
    }


def run(documents: Documents, options: Options, report: Report) -> None:
    if not any(map(options.wants, SERVERS)):
        raise machine.CannotMeasure(f"--only leaves no server; this bench has {', '.join(SERVERS)}")
    bench = Bench("apps", options, report)
    costs(WSGI, wsgi_servers(documents, options), WSGI_PROMISES, bench)
    costs(PSGI, psgi_servers(documents, options), PSGI_PROMISES, bench)
    costs(RACK, rack_servers(documents, options), RACK_PROMISES, bench)
    costs(PHP, php_servers(documents, options), PHP_PROMISES, bench)
    for work, factor in CGI.items():
        rates(work, cgi_servers(documents, options), "remuda, fork", factor, bench)
    if options.wants("remuda"):
        _django(documents, options, report)


# --- what one instance more costs -----------------------------------------------------------------------------------


def _django(documents: Documents, options: Options, report: Report) -> None:
    forked = _instances(documents, options, "django from a template", "")
    cold = _instances(documents, options, "django, started cold", "template = { enabled = false }")
    headings = ["Django", "ms until an instance is ready", f"MiB (PSS) of {INSTANCES} instances", "of its template"]
    table = Table("Django: an instance more", headings, left=1)
    for found in (forked, cold):
        table.add(found["name"], f"{found['ready_ms']:.1f}", f"{found['memory'] / 2**20:.0f}", f"{found['template'] / 2**20:.0f}")
        report.record("apps", case="Django: an instance more", **found)
    report.show(table)
    report.judge(Target("Django: ms until an instance from its template is ready", forked["ready_ms"], NEW_INSTANCE_MS))
    share = (forked["memory"] + forked["template"]) / cold["memory"]
    report.judge(Target(f"Django: memory of {INSTANCES} instances and their template / started cold", share, MEMORY_SHARE))


def _instances(documents: Documents, options: Options, name: str, more: str) -> dict:
    """Eight of it: the memory after some requests, and how long those take that follow one that was killed."""
    site = servers.django_site(documents)
    entry = f'entry_point = "project.wsgi:application"\n{more}'
    with servers.pool(documents, options.program, "wsgi", site, name=name, processes=INSTANCES, options=entry,
                      level="info") as server:  # fmt: skip
        _wait_for(server, INSTANCES)
        for _ in range(WARM_REQUESTS):
            urlopen(server.url("/hello?x"), timeout=PATIENCE_SECONDS).read()
        template = TEMPLATE.search(server.log())
        living = [int(pid) for pid, _ in READY.findall(server.log())]
        memory = sum(map(_memory, living))
        return {"name": name, "memory": memory, "template": _memory(int(template[1])) if template else 0,
                "ready_ms": median(_replaced(server, pid) for pid in living)}  # fmt: skip


def _memory(pid: int) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    return int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1]) * 1024


def _wait_for(server: Server, count: int) -> list[tuple[str, str]]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(found := READY.findall(server.log())) < count:
        if time.monotonic() > deadline:
            raise machine.CannotMeasure(f"{server.name} has {len(found)} of {count} instances:\n{server.log_tail()}")
        time.sleep(0.02)
    return found


def _replaced(server: Server, pid: int) -> float:
    """Kills one instance; milliseconds until its successor is ready."""
    before = len(READY.findall(server.log()))
    os.kill(pid, signal.SIGKILL)
    return float(_wait_for(server, before + 1)[-1][1])
