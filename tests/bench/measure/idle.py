# SPDX-License-Identifier: Apache-2.0
"""bench idle: memory for each keep-alive connection that waits for its next request, over 10,000 of them.

The figure is the growth of PSS over the server's processes. Every server is started afresh, so that no memory that
it freed earlier hides what a connection takes. Memory of the kernel (the sockets) is not in it, for anybody.
"""

import time

from measure import machine
from measure.documents import Documents
from measure.load import close_all, held_connections
from measure.options import Options
from measure.report import Report, Table, Target
from measure.server import Server

SERVERS = ["remuda", "nginx", "lighttpd", "h2o"]
CONNECTIONS = 10000
WARM_UP = 50
SETTLE_SECONDS = 1.0  # what a server does after an answer it may still be doing
LIMIT_BYTES = 600


def growth(server: Server, connections: int) -> float:
    """Bytes of PSS for each of so many idle connections of a running server."""
    close_all(held_connections(server, "/1k.html", WARM_UP))
    time.sleep(SETTLE_SECONDS)
    before = server.memory()
    held = held_connections(server, "/1k.html", connections)
    time.sleep(SETTLE_SECONDS)
    after = server.memory()
    close_all(held)
    return (after - before) / connections


def run(documents: Documents, options: Options, report: Report) -> None:
    machine.require_descriptors(CONNECTIONS + 100, f"holding {CONNECTIONS} connections")
    table = Table(f"idle keep-alive connections, {CONNECTIONS} of them", ["server", "bytes of PSS each"], left=1)
    for server in options.servers(documents, SERVERS):
        with server:
            each = growth(server, CONNECTIONS)
        table.add(server.name, f"{each:.0f}")
        report.record("idle", server=server.name, connections=CONNECTIONS, bytes_each=round(each, 1))
        if server.name == "remuda":
            report.judge(Target("idle keep-alive connection: bytes of PSS", each, LIMIT_BYTES))
    report.show(table)
