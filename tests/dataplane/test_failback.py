"""A node that comes back has checked its servers before it takes the virtual IP, and a reload forgets none that is down."""

import json
from typing import Any

import pytest

from tests.dataplane.conftest import in_node_image

pytestmark = pytest.mark.daemons

RESOURCE = """
apiVersion: hacluster.dev/v1alpha1
kind: HACluster
metadata: {name: web}
spec:
  nodeSelector: {hacluster.dev/cluster: web}
  virtualRouters:
    - virtualIPs: [172.16.7.200/24]
  vrrp:
    handover: {drain: 5s}
  haproxy:
    retries: 0
    listeners:
      - name: web
        port: 80
        healthCheck: {interval: 2s, fastInterval: 500ms}
        backend: {apache: {}}
  apache: {}
"""


@pytest.fixture(scope="module")
def results() -> dict[str, dict[str, Any]]:
    """The output of `failback.py`."""
    output = in_node_image("python", "/dataplane/failback.py", text=RESOURCE)
    document: dict[str, dict[str, Any]] = json.loads(output.splitlines()[-1])
    return document


def test_no_request_fails_when_a_node_comes_back_that_cannot_reach_all_servers(results: dict[str, dict[str, Any]]) -> None:
    failback = results["failback"]
    assert failback["requests"] > 300 and failback["failed"] == 0, failback
    assert failback["seconds"] < 40, failback  # the drain, the start, and 10 s until servers that stay down are given up


def test_no_request_fails_when_haproxy_reloads_while_servers_are_down(results: dict[str, dict[str, Any]]) -> None:
    assert results["reload"]["requests"] > 100 and results["reload"]["failed"] == 0, results["reload"]
