# SPDX-License-Identifier: Apache-2.0
"""Load that knows each client by itself: whether one of them was forgotten while others were served."""

import subprocess
from dataclasses import dataclass

from measure import machine
from measure.documents import Documents
from measure.server import Server, on_core


@dataclass(frozen=True)
class Waits:
    """What clients waited for their answers, microseconds; what is unanswered at the end counts with its wait so far."""

    requests: int
    p50: float
    p99: float
    longest: float
    worst_p99: float  # of the client with the highest
    worst_longest: float
    fewest: int  # requests answered to one client
    most: int
    failed: int


def waits(documents: Documents, server: Server, path: str, clients: int, seconds: int) -> Waits:
    """So many clients with one connection each, which ask again as soon as they have their answer."""
    command = [str(documents.folder / "clients"), str(server.port), path, str(clients), str(seconds)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 60,
                           preexec_fn=on_core(machine.LOAD_CORE))  # fmt: skip
    if ended.returncode != 0:
        raise machine.CannotMeasure(f"{server.name}: {ended.stderr.strip() or ended.returncode}\n{server.log_tail()}")
    return Waits(*map(int, ended.stdout.split()))
