#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Includes point down: reads every #include under src/, lang/ and include/ and names the pairs that do not.

A folder of src/ is a floor. RULES says for each floor what it may include besides itself:
    "loop"            every header of that floor, with its parts (loop/backend/...), never another floor inside it
    "http/*.h"        only the headers that stand directly in that floor
    "apps/source.h"   only that header
Usage: include_rules.py [ROOT]; exits 0 when all hold, 1 with one line per pair that does not.
"""

import sys
from fnmatch import fnmatchcase
from pathlib import Path

from source_text import includes, source_files

RULES: dict[str, list[str]] = {
    "base": [],
    "config": ["base"],
    "loop": ["base"],
    "http": ["loop", "base"],
    "http/h1": ["http", "loop", "base"],
    "spawner": ["base"],
    "apps": ["spawner/protocol.h", "loop", "base"],
    "admin": ["apps/control.h", "apps/status.h", "http/*.h", "http/testing/*.h", "loop", "base"],
    "gateway": ["apps/source.h", "apps/endpoint.h", "apps/journey.h", "http/*.h", "http/testing/*.h", "loop", "base"],
    "content": ["http/*.h", "http/testing/*.h", "loop", "base"],
    "server": ["admin", "content", "gateway", "apps", "spawner", "http/h1", "http", "loop", "config", "base"],
    "cli": ["server", "admin", "content", "gateway", "apps", "spawner", "http/h1", "http", "loop", "config", "base"],
}


def floor_of(path: str) -> str | None:
    """The floor that a path below src/ belongs to: the longest folder in RULES that holds it."""
    parents = [str(parent) for parent in Path(path).parents]
    return next((parent for parent in parents if parent in RULES), None)


def allowed(floor: str, header: str) -> bool:
    """Whether a file of floor may include this header (a path below src/)."""
    target = floor_of(header)
    if target == floor:
        return True
    for rule in RULES[floor]:
        if rule == target:
            return True
        if rule.endswith(".h") and fnmatchcase(header, rule) and header.count("/") == rule.count("/"):
            return True
    return False


def advice(floor: str, header: str) -> str:
    """Why a pair is wrong, in one line."""
    target = floor_of(header)
    headers = [rule for rule in RULES[floor] if rule.endswith(".h") and floor_of(rule) == target]
    if headers:
        return f"{floor} may include of {target} only {', '.join(headers)}"
    return f"{floor} may not include {target}"


def check_source(root: Path, path: Path) -> list[str]:
    """The faults of one file under src/."""
    name = path.relative_to(root / "src").as_posix()
    floor = floor_of(name)
    if floor is None:
        return [f"src/{name}: its folder is not a floor; add it to RULES in tests/house/include_rules.py"]
    faults = []
    for line, quote, header in includes(path.read_text(errors="replace")):
        inside = (root / "src" / header).is_file()
        if inside and ".." not in header:
            if not allowed(floor, header):
                faults.append(f"src/{name}:{line} includes {header}: {advice(floor, header)}")
            elif quote == "<":
                faults.append(f"src/{name}:{line} includes <{header}>: write it in quotes, it is ours")
        elif quote == '"' and not (root / "include" / header).is_file():
            faults.append(f"src/{name}:{line} includes {header}: write the path from src/ (is there such a file?)")
    return faults


def check_outside(root: Path, folder: str, path: Path) -> list[str]:
    """The faults of one file under lang/ or include/: neither knows src/, and include/ does not know lang/."""
    name = path.relative_to(root).as_posix()
    strangers = ["src"] if folder == "lang" else ["src", "lang"]
    faults = []
    for line, _, header in includes(path.read_text(errors="replace")):
        beside = (path.parent / header).resolve()
        for stranger in strangers:
            house = (root / stranger).resolve()
            by_search_path = ".." not in header and (house / header).is_file()
            if by_search_path or house in beside.parents:
                faults.append(f"{name}:{line} includes {header}: {folder} may not include {stranger}")
    return faults


def check(root: Path) -> list[str]:
    """All faults of the tree at root."""
    faults = [fault for path in source_files(root / "src") for fault in check_source(root, path)]
    for folder in ("lang", "include"):
        faults += [fault for path in source_files(root / folder) for fault in check_outside(root, folder, path)]
    return faults


def main(arguments: list[str]) -> int:
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parents[2]
    faults = check(root)
    print("\n".join(faults) if faults else f"includes point down in {len(source_files(root / 'src'))} files")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
