"""Fixtures of the tests that need a real API server."""

from collections.abc import Iterator

import pytest

from hack.generate import NAMESPACE
from hacluster import names
from tests.api import processes
from tests.api.apiserver import REPOSITORY, ApiServer
from tests.api.environment import Environment, environment
from tests.api.latency import MEASURED
from tests.api.operator_process import operator
from tests.waiting import eventually

MANIFESTS = REPOSITORY / "manifests"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if MEASURED:
        terminalreporter.section("measured against a real API server")
        for line in MEASURED:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def apiserver() -> Iterator[ApiServer]:
    """A real API server with the CRD installed and garbage collection running."""
    with processes.run(controllers=True) as server:
        yield server


@pytest.fixture(scope="module", autouse=True)
def _delete_all_resources(apiserver: ApiServer) -> Iterator[None]:
    """After each module: an operator that watches all namespaces would refuse the next module's virtual IPs as taken."""
    yield
    apiserver.kubectl("delete", names.PLURAL, "--all", "--all-namespaces", "--wait=true")


@pytest.fixture
def env(apiserver: ApiServer) -> Iterator[Environment]:
    """A namespace with three nodes of its own."""
    with environment(apiserver) as made:
        yield made


@pytest.fixture
def settled(apiserver: ApiServer, env: Environment) -> Iterator[Environment]:
    """The environment with a running operator and the resource `web`, which is Ready with node1 as the holder."""
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        yield env
        for each in env.items("haclusters"):
            eventually(lambda name=each["metadata"]["name"]: env.assert_outages_are_explained(name), within=5)  # type: ignore[misc]


@pytest.fixture(scope="module")
def installed(apiserver: ApiServer) -> Iterator[ApiServer]:
    """The API server with everything in manifests/ installed; afterwards with the CRD only, as before."""
    apiserver.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(MANIFESTS))
    yield apiserver
    for file in ("operator.yaml", "admission-policy.yaml", "rbac.yaml"):
        apiserver.kubectl("delete", "--wait=false", "-f", str(MANIFESTS / file))


@pytest.fixture(scope="module")
def operator_token(installed: ApiServer) -> str:
    """A token of the operator's service account, with the rights that manifests/ gives it."""
    return installed.service_account_token(NAMESPACE, "hacluster-operator")
