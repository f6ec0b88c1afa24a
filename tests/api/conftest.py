"""Fixtures of the tests that need a real API server."""

from collections.abc import Iterator

import pytest

from hacluster import names
from tests.api import apiserver as api
from tests.api.environment import World, world
from tests.api.latency import MEASURED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if MEASURED:
        terminalreporter.section("measured against a real API server")
        for line in MEASURED:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def apiserver() -> Iterator[api.ApiServer]:
    """A real API server with the CRD installed and garbage collection at work."""
    with api.run(controllers=True) as server:
        yield server


@pytest.fixture(scope="module", autouse=True)
def _no_resource_outlives_its_module(apiserver: api.ApiServer) -> Iterator[None]:
    """An operator that watches all namespaces would see it, and hold its virtual IP against the next module's."""
    yield
    apiserver.kubectl("delete", names.PLURAL, "--all", "--all-namespaces", "--wait=true")


@pytest.fixture
def here(apiserver: api.ApiServer) -> Iterator[World]:
    """A namespace with three nodes of its own."""
    with world(apiserver) as made:
        yield made
