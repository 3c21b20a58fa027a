#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""driver_budget.py PROGRAM MOST: the instructions of one keep-alive request, counted by callgrind.

Runs PROGRAM (driver_budget) with two counts under valgrind; the difference is what the requests between them
cost, with the client's half of the work. Ends with 1 if that is more than MOST, with 77 (skipped) without valgrind."""

import re
import shutil
import subprocess
import sys
import tempfile

FEW, MANY = 200, 1200


def instructions(program, count):
    with tempfile.TemporaryDirectory() as directory:
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={directory}/out", program, str(-count)],
            capture_output=True, text=True, check=False)
    found = re.search(r"Collected\s*:\s*(\d+)", run.stderr)
    if run.returncode != 0 or found is None:
        sys.exit(f"{program} failed under valgrind:\n{run.stdout}{run.stderr}")
    return int(found.group(1))


def main():
    program, most = sys.argv[1], int(sys.argv[2])
    if shutil.which("valgrind") is None:
        print("valgrind is not installed")
        sys.exit(77)
    each = (instructions(program, MANY) - instructions(program, FEW)) / (MANY - FEW)
    print(f"{each:.0f} instructions a request (at most {most})")
    sys.exit(0 if each <= most else 1)


main()
