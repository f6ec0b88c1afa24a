"""The operator does its work with the rights that it is installed with, and no others."""

import re

import pytest

from tests.api.apiserver import REPOSITORY, ApiServer
from tests.api.environment import NODES, World, operator
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver

NAMESPACE = "hacluster-system"


def test_the_installed_rights_are_enough_and_needed(apiserver: ApiServer, here: World) -> None:
    for file in ("namespace.yaml", "rbac.yaml", "admission-policy.yaml"):
        apiserver.kubectl("apply", "--server-side", "-f", str(REPOSITORY / "manifests" / file))
    kubeconfig = apiserver.kubeconfig_for(apiserver.service_account_token(NAMESPACE, "hacluster-operator"))
    with operator(apiserver, kubeconfig=kubeconfig) as process:
        here.create()
        here.settle()
        here.change(haproxy={"retries": 5})
        here.configured(r"retries\s+5")
        here.settle()
        here.delete("daemonsets", "web-lb")
        here.label_node("node3", {"hacluster.dev/world": "elsewhere"})

        def tidy() -> None:
            assert ("daemonsets", "web-lb") in here.children()
            assert here.node("node3") not in {each["name"] for each in here.status()["nodes"]}
            assert len([key for key in here.children() if key[0] == "leases"]) == len(NODES) - 1

        eventually(tidy, within=10)
        assert "HolderChanged" in here.events()
        assert not re.search("forbidden|ERROR", process.text(), re.IGNORECASE), process.text()
        here.label_node("node3", here.label)
