#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""prefork.py SOCKET COUNT PROGRAM...: so many copies of a FastCGI program on one listening Unix socket as descriptor 0.

What spawn-fcgi -F does, but in the foreground and for as long as this process lives.
"""

import ctypes
import os
import signal
import socket
import sys

PR_SET_PDEATHSIG = 1
path, count, program = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind(path)
os.chmod(path, 0o666)  # the servers have given up root
listener.listen(4096)
children = []
for _ in range(count):
    child = os.fork()
    if child == 0:
        os.dup2(listener.fileno(), 0, inheritable=True)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        os.execv(program[0], program)
    children.append(child)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
try:
    while True:
        signal.pause()
finally:
    for child in children:
        os.kill(child, signal.SIGTERM)
