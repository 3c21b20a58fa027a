#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What every file of the house has: the licence line, a header that says what it is, no exception thrown, nothing left open.

Usage: file_rules.py [ROOT]; exits 0 when all hold, 1 with one line per file that does not.
"""

import re
import sys
from pathlib import Path

from source_text import source_files, without_literals

LICENCE = "SPDX-License-Identifier: Apache-2.0"
OPEN_END = re.compile(r"\b(TODO|FIXME|XXX)\b")
THROW = re.compile(r"\bthrow\b(?!\s*\()")
LONG = 500


def header_of(lines: list[str]) -> list[str]:
    """The comment lines at the head of a C or C++ file."""
    header = []
    for line in lines:
        if not line.startswith("//"):
            break
        header.append(line)
    return header


def check_file(name: str, text: str) -> list[str]:
    """The faults of one C or C++ file under src/, lang/, include/ or tests/."""
    lines = text.splitlines()
    faults = []
    if not lines or LICENCE not in lines[0]:
        faults.append(f"{name}: the first line is not '// {LICENCE}'")
    header = header_of(lines)
    if name.startswith("src/") and len(header) < 2:
        faults.append(f"{name}: no header comment below the licence line; say what the file is and who owns it")
    if name.startswith("src/") and len(lines) > LONG and not re.search(r"\blong\b|\blines\b", " ".join(header)):
        faults.append(f"{name}: {len(lines)} lines; split it, or say in the header why it is this long")
    if name.endswith(".h") and name.startswith("src/") and "#pragma once" not in text:
        faults.append(f"{name}: no #pragma once")
    for number, line in enumerate(lines, 1):
        if found := OPEN_END.search(line):
            faults.append(f"{name}:{number}: {found.group()}: finish it, or open an issue")
    if name.startswith("src/"):
        for number, line in enumerate(without_literals(text).splitlines(), 1):
            if THROW.search(line):
                faults.append(f"{name}:{number}: throws; errors are values in src/ (base/result.h)")
    return faults


def check(root: Path) -> list[str]:
    """All faults of the tree at root."""
    faults = []
    for folder in ("src", "lang", "include", "tests"):
        for path in source_files(root / folder):
            faults += check_file(path.relative_to(root).as_posix(), path.read_text(errors="replace"))
    return faults


def main(arguments: list[str]) -> int:
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parents[2]
    faults = check(root)
    print("\n".join(faults) if faults else "every file has its licence line and header")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
