#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the instructions of the HTTP/1.1 codec under callgrind and compares them with their budgets.

Instructions, not times: the count is the same on every machine and in every run, so a regression shows at once.
Usage: codec_budget.py PROGRAM. Exits 1 when a budget is exceeded, 77 (skipped) when there is no valgrind.
"""

import re
import shutil
import subprocess
import sys

# What one request may cost: what was measured and a few percent, to leave room for compilers.
BUDGETS = {
    "small": 800,  # GET / with a Host field: what load generators send
    "browser": 2600,  # 12 fields, 650 octets
    "file_head": 520,  # the response head of a small file
    "application_head": 1450,  # four fields of an application: looked up, looked at, written
    "path": 200,  # a path that needs no decoding
}


def count(program: str, case: str) -> int:
    """The instructions of one case."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no",
               "--toggle-collect=measured", program, case]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1))


def main(arguments: list[str]) -> int:
    if shutil.which("valgrind") is None:
        print("no valgrind: nothing is counted")
        return 77
    over = 0
    for case, budget in BUDGETS.items():
        instructions = count(arguments[0], case)
        over += instructions > budget
        print(f"{case:18} {instructions:6} instructions, budget {budget}{'  EXCEEDED' if instructions > budget else ''}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
