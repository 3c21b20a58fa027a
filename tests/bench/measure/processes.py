# SPDX-License-Identifier: Apache-2.0
"""What a tree of processes spends: processor time and memory, read from /proc."""

import os
import signal
from collections.abc import Iterable
from pathlib import Path

NANOSECONDS_PER_TICK = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def _stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third (state) on."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()


def tree(roots: Iterable[int]) -> set[int]:
    """The process ids of roots and of all their living descendants, each once."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                children.setdefault(int(_stat_fields(int(entry))[1]), []).append(int(entry))
            except OSError:
                pass  # ended meanwhile
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += children.get(pid, [])
    return found


def _own_time(pid: int) -> int:
    """Nanoseconds that the living threads of a process have run, user and system."""
    return sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{pid}/task").glob("*/schedstat"))


def _time_of_ended_children(pid: int) -> int:
    """Nanoseconds that the children spent that this process has waited for: short-lived CGI programs, for example."""
    fields = _stat_fields(pid)
    return (int(fields[13]) + int(fields[14])) * NANOSECONDS_PER_TICK


def processor_time(roots: Iterable[int]) -> int:
    """Nanoseconds of processor time of a tree so far, ended and waited-for descendants included; take the difference of two."""
    total = 0
    for pid in tree(roots):
        try:
            total += _own_time(pid) + _time_of_ended_children(pid)
        except OSError:
            pass
    return total


def forgets_children(roots: Iterable[int]) -> bool:
    """True when a process of the tree ignores SIGCHLD: the kernel then adds its children's time to nobody's."""
    for pid in tree(roots):
        try:
            status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        ignored = next((line.split()[1] for line in status.splitlines() if line.startswith("SigIgn:")), "0")
        if int(ignored, 16) >> (signal.SIGCHLD - 1) & 1:
            return True
    return False


def memory(roots: Iterable[int]) -> int:
    """Bytes of memory of a tree, pages shared by several processes divided among them (PSS)."""
    total = 0
    for pid in tree(roots):
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
        except OSError:
            continue
        total += next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)
    return total * 1024
