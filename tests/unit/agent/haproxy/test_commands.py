"""What HAProxy is told about servers on lost nodes. That it does it is shown by tests/dataplane."""

from hacluster.agent.haproxy.commands import cut_off, parse_servers, take_down

SAID = """# pxname,svname,qcur,status,weight,
web,node1,0,UP,1,
web,node2,0,UP 2/3,1,
web,node3,0,DOWN,1,
own,db1,0,UP,1,
"""


def test_what_it_says_of_its_servers() -> None:
    assert parse_servers(SAID) == {"web": {"node1": "UP", "node2": "UP 2/3", "node3": "DOWN"}, "own": {"db1": "UP"}}


def test_a_lost_node_is_taken_down_where_it_is_up() -> None:
    servers = parse_servers(SAID)
    assert take_down(servers, ["web"], ["node2", "node3"]) == ["set server web/node2 health down"]
    assert take_down(servers, [], ["node2"]) == []


def test_a_backend_keeps_its_last_server() -> None:
    assert take_down(parse_servers(SAID), ["web"], ["node1", "node2"]) == []


def test_only_what_is_down_and_gone_is_cut_off() -> None:
    servers = parse_servers(SAID)
    assert cut_off(servers, ["web"], ["node2", "node3"]) == ["shutdown sessions server web/node3"]
