"""Settings on which all nodes must agree change while a client sends requests: the virtual IP stays where it is, on one node."""

import json
from typing import Any

import pytest

from tests.dataplane.conftest import in_node_image, sample

pytestmark = pytest.mark.daemons

Spec = dict[str, Any]


def vrid(number: int) -> Spec:
    """A slow resource: a new instance would wait for more than three seconds."""
    router = {"virtualIPs": ["172.16.7.200/24"], "virtualRouterID": number}
    return {"virtualRouters": [router], "vrrp": {"advertisementInterval": "1s"}}


def peering(how: str) -> Spec:
    """Intervals of 100 ms: a node that hears nothing takes over after 0.3 s, while the others get their files half a second apart."""
    return {"vrrp": {"peering": how}}


@pytest.mark.parametrize(
    ("first", "second"),
    [(vrid(51), vrid(52)), (peering("Multicast"), peering("Unicast")), (peering("Unicast"), peering("Multicast"))],
    ids=["vrid", "to-unicast", "to-multicast"],
)
def test_the_virtual_ip_stays_on_one_node(first: Spec, second: Spec) -> None:
    output = in_node_image(
        "python3", "/dataplane/agreed.py", "-", json.dumps(first), json.dumps(second), text=sample("minimal.yaml")
    )
    result = json.loads(output.splitlines()[-1])
    print(result)
    assert result["settled"], result
    assert result["ownerless"] <= 100 and result["dual"] <= 200, result
    assert result["failed"] == result["newcomer_failed"] == 0, result
