"""The agent and what other programs do to the node's network: addresses that they add, ports that they redirect."""

import pytest

from hacluster import names
from hacluster.nodeconfig import Port
from tests.daemons.agent.node import OWN, Node
from tests.daemons.agent.wanted import Wanted
from tests.waiting import eventually

pytestmark = pytest.mark.daemons

_OTHER = """\
global_defs {
  script_user root
  enable_script_security
}
vrrp_instance VI_9 {
  state MASTER
  interface eth0
  virtual_router_id 99
  priority 255
  advert_int 0.1
  version 3
  virtual_ipaddress {
    172.16.7.100/24
    10.9.9.9/24
  }
}
"""


def test_addresses_of_other_programs_are_told_apart_and_the_nodes_own_is_steady(node: Node) -> None:
    node.start_agent()
    eventually(lambda: assert_addresses(node, []), within=10)
    node.run("sh", "-c", 'printf %s "$1" >/log/other.conf', "sh", _OTHER)
    pid_files = ("-p", "/log/other.pid", "-r", "/log/other-vrrp.pid", "-b", "/log/other-bfd.pid")
    node.start("other", "keepalived", "-n", "-l", "-P", "-f", "/log/other.conf", *pid_files, env=("TMPDIR=/log",))
    eventually(lambda: assert_addresses(node, ["172.16.7.100/24", "10.9.9.9/24"]), within=10)
    node.run("ip", "address", "add", "172.16.7.99/32", "dev", "eth0")  # as kube-vip adds it
    eventually(lambda: assert_addresses(node, ["172.16.7.100/24", "10.9.9.9/24", "172.16.7.99/32"]), within=10)
    # A network service that is restarted removes the node's own address and adds it again: now it is a secondary one.
    node.run("ip", "address", "del", OWN, "dev", "eth0")
    node.run("ip", "address", "add", OWN, "dev", "eth0")
    node.run("ip", "address", "del", "172.16.7.99/32", "dev", "eth0")
    eventually(lambda: assert_addresses(node, ["172.16.7.100/24", "10.9.9.9/24"]), within=10)
    assert all(each["interfaces"][0]["addresses"] == [OWN] for each in node.entries()), node.run(
        "cat", f"{names.RUN_DIR}/entries"
    )


_NODE_PORTS = """\
table ip kube-proxy {
  chain endpoint {
    meta l4proto tcp dnat to 10.244.1.9:80
  }
  chain external-AAAA-shop/web/tcp/p80 {
    goto endpoint
  }
  map service-nodeports {
    type inet_proto . inet_service : verdict
    elements = { tcp . 80 : goto external-AAAA-shop/web/tcp/p80 }
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local meta l4proto . th dport vmap @service-nodeports
  }
}
"""


def test_a_port_that_kube_proxy_redirects_is_reported_with_the_service(running: Node) -> None:
    assert running.entry()["problems"] == []
    running.run("sh", "-c", 'printf %s "$1" | nft -f -', "sh", _NODE_PORTS)
    ports = (*Wanted().ports, Port(port=9090, field="spec.haproxy.stats.port"))  # a change, so that the agent looks at once
    running.want(Wanted("r2", ports=ports))
    eventually(lambda: running.assert_problem("PortRedirected", "port 80", "Service shop/web"), within=15)
    running.run("nft", "delete", "table", "ip", "kube-proxy")
    running.want(Wanted("r3"))
    eventually(lambda: running.assert_entry(configRevision="r3", problems=[]), within=15)


def assert_addresses(node: Node, others: list[str]) -> None:
    (interface,) = node.entry()["interfaces"]
    assert (interface["name"], interface["addresses"]) == ("eth0", [OWN])
    assert set(interface.get("otherAddresses", [])) == set(others)
