"""Names of objects and keys stay within the API server's limits, and all programs make the same ones."""

import re
import subprocess

import pytest

from hacluster import names
from hacluster.nodeconfig import File
from hacluster.plan.objects.scripts import script

OBJECT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
NODES = [
    "node1", "a" * 63, *("x" * length for length in (229, 230, 241, 242, 243, 253)),
    *(("n" * length + "." + "m" * 253)[:253] for length in range(224, 244)), ".".join(["a" * 62] * 4),
]  # fmt: skip


@pytest.mark.parametrize("node", NODES, ids=len)
def test_names_for_a_node_are_valid(node: str) -> None:
    assert OBJECT_NAME.fullmatch(node), "the example itself"
    for cluster in ("w", "w" * names.MAX_CLUSTER_NAME):
        name = names.node_object(cluster, node)
        assert len(name) <= 253 and OBJECT_NAME.fullmatch(name), name
    for file in File:
        key = names.key(node, file)
        assert len(key) <= 253 and re.fullmatch(r"[-._a-zA-Z0-9]+", key) and key.endswith(f".{file}")
    assert len(names.entry_manager(node)) <= 128


@pytest.mark.parametrize("node", NODES, ids=len)
def test_apache_looks_for_the_key_that_the_operator_writes(node: str) -> None:
    beginning = script("apache.sh").partition("installed=")[0]
    environment = {"CONFIG_DIR": "/config", "HACLUSTER_NODE": node, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        ["sh", "-c", f'{beginning}\necho "$wanted"'], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"/config/{names.key(node, File.HTTPD)}\n"


def test_long_names_that_begin_alike_have_different_keys() -> None:
    assert names.key("x" * 252 + "a", File.AGENT) != names.key("x" * 252 + "b", File.AGENT)
