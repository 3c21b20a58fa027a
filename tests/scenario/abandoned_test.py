# SPDX-License-Identifier: Apache-2.0
"""Clients that leave a process at work: it gets no request before it is done, whoever else is free serves."""

import time

import control
from applications import owner_lines
from harness import SLOWNESS
from processes import eventually
from wire import request

# Serves one connection after the other and does not look whether its client is there.
PROGRAM = """#!/usr/bin/python3
import os, socket, time

listener = socket.socket(fileno=0)
while True:
    connection, _ = listener.accept()
    with connection:
        size = b""
        while not size.endswith(b":") and (octet := connection.recv(1)):
            size += octet
        if not size:
            continue
        head = connection.recv(int(size[:-1]) + 1, socket.MSG_WAITALL).split(b"\\0")
        query = head[head.index(b"QUERY_STRING") + 1]
        time.sleep(float(query or 0))
        try:
            connection.sendall(b"Content-Type: text/plain\\r\\n\\r\\n%d" % os.getpid())
        except OSError:
            pass
"""

CONFIGURATION = """
    {owner}
    [workers]
    threads = 1
    [[route]]
    app = "one"
    [app.one]
    type = "scgi"
    model = "pool"
    program = "program.py"
    {options}
    instances = {{ min = 4, max = 4 }}
"""


def begin(start, place, options: str = ""):
    place.file("program.py", PROGRAM.encode(), 0o755)
    server = start(CONFIGURATION.format(owner=owner_lines('[server]\n    user = "{0}"'), options=options))
    eventually("all are there", lambda: len(control.instances(server, "one")) == 4, 10)
    return server


def leave(server, seconds: float):
    with server.connect() as connection:
        server.count()
        connection.send(request("GET", f"/?{seconds}"))
        time.sleep(0.2)
        connection.reset()
    time.sleep(0.1)  # so that whoever comes next meets what it left


def test_reloading_a_slow_page_delays_nobody(start, place):
    """A process that computes for somebody who has left is busy: three of four are, the fourth serves."""
    server = begin(start, place)
    for _ in range(3):
        leave(server, 4 * SLOWNESS)
    started = time.monotonic()
    assert [server.get("/").status for _ in range(10)] == [200] * 10
    assert time.monotonic() - started < 1 * SLOWNESS
    eventually("all are free again", lambda: not control.app(server, "one")["live"], 10 * SLOWNESS)


def test_beyond_its_time_limit_it_is_replaced(start, place):
    server = begin(start, place, 'time_limit = "6s"')
    before = set(control.instances(server, "one"))
    leave(server, 1000)
    eventually("it is replaced", lambda: len(now := set(control.instances(server, "one"))) == 4 and now != before, 20 * SLOWNESS)
    assert server.get("/").status == 200
