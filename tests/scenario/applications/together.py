#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""together.py PROGRAM...: runs a program that leaves children behind, keeps them, and ends them when it is told to end."""

import ctypes
import os
import signal
import subprocess
import sys

PR_SET_CHILD_SUBREAPER = 36

ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
said = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, text=True, check=True).stdout
children = [int(word) for word in said.replace(":", " ").split() if word.isdigit()]  # "spawned successfully: PID: 123"


def stop(*_):
    for child in children:
        os.kill(child, signal.SIGTERM)
    sys.exit(0)


signal.signal(signal.SIGTERM, stop)
while True:
    os.waitpid(-1, 0)
