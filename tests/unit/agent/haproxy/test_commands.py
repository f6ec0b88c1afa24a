"""The commands for servers on lost nodes, and reading the list of servers. tests/dataplane shows that a real HAProxy obeys them."""

from hacluster.agent.haproxy.commands import parse_addresses, parse_servers, shut_down_sessions, take_down

ANSWER = """# pxname,svname,qcur,status,weight,
web,node1,0,UP,1,
web,node2,0,UP 2/3,1,
web,node3,0,DOWN,1,
own,db1,0,UP,1,
"""


def test_the_list_of_servers_is_read_by_backend() -> None:
    assert parse_servers(ANSWER) == {"web": {"node1": "UP", "node2": "UP 2/3", "node3": "DOWN"}, "own": {"db1": "UP"}}


def test_addresses_are_read_where_there_are_some() -> None:
    answer = "# pxname,svname,addr,\nown,a,10.0.0.2:80,\nown,b,[fd00::2]:80,\nown,c,unix,\nown,d,,\nweb,node1,10.0.0.1:81,\n"
    assert parse_addresses(answer) == {"own": {"a": ("10.0.0.2", 80), "b": ("fd00::2", 80)}, "web": {"node1": ("10.0.0.1", 81)}}
    assert parse_addresses(ANSWER) == {}


def test_a_lost_server_is_taken_down_where_it_is_up() -> None:
    servers = parse_servers(ANSWER)
    assert take_down(servers, {"web": ["node2", "node3"]}) == ["set server web/node2 health down"]
    assert take_down(servers, {}) == [] and take_down(servers, {"gone": ["node2"]}) == []


def test_the_last_server_of_a_backend_is_not_taken_down() -> None:
    assert take_down(parse_servers(ANSWER), {"web": ["node1", "node2"]}) == []


def test_a_lost_server_that_drains_is_taken_down_but_is_not_counted_as_one_that_stays() -> None:
    servers = {"web": {"a": "DRAIN", "b": "UP", "c": "MAINT", "d": "no check"}}
    assert take_down(servers, {"web": ["a", "c", "d"]}) == ["set server web/a health down"]
    assert take_down(servers, {"web": ["b"]}) == []


def test_sessions_are_ended_only_on_servers_that_are_lost_and_down() -> None:
    servers = parse_servers(ANSWER)
    assert shut_down_sessions(servers, {"web": ["node2", "node3"]}) == ["shutdown sessions server web/node3"]
