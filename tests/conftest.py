# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a place for the test's files, and servers that are stopped and judged when the test ends."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "scenario"))

import harness  # noqa: E402
from processes import become_subreaper  # noqa: E402


def pytest_configure(config):
    become_subreaper()


def pytest_generate_tests(metafunc):
    if getattr(metafunc.module, "BOTH_MODELS", False):
        metafunc.parametrize("cgi_model", ["exec", "fork"], indirect=True, scope="module")


@pytest.fixture(scope="module", autouse=True)
def cgi_model(request):
    """How programs of type cgi are run where a test does not say it."""
    harness.cgi_model = getattr(request, "param", harness.usual_cgi_model)
    yield harness.cgi_model
    harness.cgi_model = harness.usual_cgi_model


@pytest.fixture(scope="session")
def program():
    if not os.access(harness.PROGRAM, os.X_OK):
        pytest.exit(f"there is no program {harness.PROGRAM}; build it, or name another in REMUDA", 2)
    return harness.PROGRAM


@pytest.fixture
def place():
    made = harness.Place()
    yield made
    made.remove()


@pytest.fixture
def start(place, program):
    """Starts servers: start(configuration, ...) as harness.Server. They are finished in the order of their start."""
    servers = []

    def begin(configuration: str = "", **options) -> harness.Server:
        server = harness.Server(options.pop("place", place), configuration, **options)
        harness.Server.living.add(server)
        servers.append(server)
        return server

    yield begin
    faults = []
    for server in servers:
        try:
            server.finish()
        except AssertionError as fault:
            faults.append(str(fault))
    assert not faults, "\n".join(faults)


@pytest.fixture(scope="module")
def shared(program, cgi_model):
    """A place and a way to start servers for a whole module. Each test module finishes them once."""
    made = harness.Place()
    servers = []

    def begin(configuration: str, **options) -> harness.Server:
        server = harness.Server(made, configuration, **options)
        harness.Server.living.add(server)
        servers.append(server)
        return server

    begin.place = made
    yield begin
    faults = []
    for server in servers:
        try:
            server.finish()
        except AssertionError as fault:
            faults.append(str(fault))
    made.remove()
    assert not faults, "\n".join(faults)
