"""A lost node that boots gets its own address: the other nodes' questions are no rivals in its search for duplicates."""

import json

import pytest
import yaml

from tests.dataplane.conftest import in_node_image, sample

pytestmark = pytest.mark.daemons


@pytest.mark.parametrize("virtual_ip", ["172.16.7.200/24", "2001:db8:16::200/64"], ids=["IPv4", "IPv6"])
def test_a_node_that_boots_gets_its_address_while_the_others_ask_for_it(virtual_ip: str) -> None:
    resource = yaml.safe_load(sample("minimal.yaml"))
    resource["spec"]["virtualRouters"][0]["virtualIPs"] = [virtual_ip]
    output = in_node_image("python", "/dataplane/booting.py", text=yaml.safe_dump(resource))
    result = json.loads(output.splitlines()[-1])
    print(result)
    assert result["rivals"] == []
    assert result["back"] < 8000, "the longest period between two questions for a lost node, and its jitter"
