# SPDX-License-Identifier: Apache-2.0
"""What a server under test says of itself over its status socket, through the command line as a person would ask."""

import json
import subprocess

import harness


def command(server, *words: str, within: float = 60.0) -> subprocess.CompletedProcess:
    """remuda WORDS -c the server's configuration."""
    return harness.run(*words, "-c", str(server.file), within=within)


def status(server) -> dict:
    """remuda status --json."""
    ended = command(server, "status", "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def app(server, name: str) -> dict:
    return next(each for each in status(server)["apps"] if each["name"] == name)


def instances(server, name: str, *states: str) -> dict[int, dict]:
    """By process id, those that are in one of the states; all of them if none is named."""
    return {each["pid"]: each for each in app(server, name)["instances"] if not states or each["state"] in states}
