# SPDX-License-Identifier: Apache-2.0
"""What the scenarios of applications that a loader runs have in common."""

import pytest

import harness
import wire

MODELS = ["pool", "fork", "exec"]


def needs_loader(name: str, packages: str):
    """Marks tests that are skipped where a loader was not built."""
    return pytest.mark.skipif(not (harness.loaders() / name).exists(), reason=f"built without {name} (packages {packages})")


def text(answer: wire.Answer) -> str:
    assert answer.status == 200, answer.body
    return answer.body.decode()


def variables(server, target: str, *lines: str) -> dict[str, str]:
    """What an application says line by line, NAME=VALUE."""
    return dict(line.split("=", 1) for line in text(server.get(target, *lines)).splitlines())


def is_cut(server, path: str) -> bool:
    """Whether an answer that its application cannot finish looks it: the connection ends before it, or it never began."""
    with server.connect() as connection:
        server.count()
        connection.send(wire.request("GET", path))
        try:
            return connection.read_answer().status == 502
        except (wire.Closed, wire.Misframed, ConnectionError):
            return True
