"""The API server is silently unreachable: the operator notices within seconds, and says so afterwards."""

import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.api.apiserver import ApiServer
from tests.api.environment import NODES, Environment
from tests.api.operator_process import operator
from tests.api.proxy import proxy
from tests.waiting import assert_unchanged, eventually

pytestmark = pytest.mark.apiserver


def kubeconfig_through(server: ApiServer, port: int, directory: Path) -> Path:
    """A kubeconfig for the same API server behind the proxy."""
    text = re.sub(r"https://[^\s\"']+", f"https://127.0.0.1:{port}", server.kubeconfig.read_text())
    (directory / "kubeconfig").write_text(text)
    return directory / "kubeconfig"


@pytest.mark.parametrize("new_too", [False, True], ids=["old connections", "all connections"])
def test_a_move_is_reported_within_seconds(apiserver: ApiServer, env: Environment, tmp_path: Path, new_too: bool) -> None:
    port = urlsplit(apiserver.url).port
    assert port is not None
    with (
        proxy(port) as made,
        operator(
            apiserver,
            env.namespace,
            kubeconfig=kubeconfig_through(apiserver, made.port, tmp_path),
            HACLUSTER_LEASE_NAMESPACE="default",
        ),
    ):
        env.create()
        env.settle()
        made.stall(new_too=new_too)
        for name in NODES:
            env.report_loaded(name, holds=name == "node2")
        if new_too:
            assert_unchanged(env.node("node1"), lambda: env.status()["vipHolder"], seconds=8)
            made.resume()
        began = time.monotonic()
        env.wait_for_holder("node2", within=12)
        assert time.monotonic() - began < 9, "of these, up to four seconds until it is noticed"

        def said_afterwards() -> None:
            assert "StatusWasStale" in env.events()

        eventually(said_afterwards, within=5)
