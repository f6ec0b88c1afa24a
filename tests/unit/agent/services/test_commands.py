"""What HAProxy is told, from any state of its servers."""

from hacluster.agent.services import commands
from hacluster.agent.services.commands import (
    ServerState,
    busy_servers,
    changes,
    complaints,
    followed,
    gone,
    in_lines,
    parse_states,
    removals,
)
from hacluster.agent.services.endpoints import Endpoint, Endpoints
from hacluster.nodeconfig import Service

ONE, TWO = Endpoint("10.1.0.1", 80), Endpoint("10.1.0.2", 80)
WEB = {"web": Service(name="shop", port=80, field="f", words="check inter 5s")}
UNCHECKED = {"web": Service(name="shop", port=80, field="f")}
UP, MAINT, DRAIN, ADDED = ServerState(0, 6), ServerState(1, 6), ServerState(8, 6), ServerState(1, 2)


def wanted(*used: Endpoint, draining: tuple[Endpoint, ...] = ()) -> dict[str, Endpoints]:
    return {"web": Endpoints(used=used, draining=frozenset(draining))}


def test_an_endpoint_is_added_checked_and_used() -> None:
    assert changes(WEB, wanted(ONE), {}) == [
        "add server web/10.1.0.1:80 10.1.0.1:80 check inter 5s",
        "enable health web/10.1.0.1:80",
        "set server web/10.1.0.1:80 state ready",
    ]
    assert changes(UNCHECKED, wanted(ONE), {}) == [
        "add server web/10.1.0.1:80 10.1.0.1:80",
        "set server web/10.1.0.1:80 state ready",
    ]


def test_nothing_is_said_where_nothing_differs() -> None:
    present = {"web": {ONE.name: UP, TWO.name: DRAIN}, "other": {"s1": MAINT}}
    assert changes(WEB, wanted(ONE, draining=(TWO,)), present) == []
    assert changes(WEB, wanted(ONE), {"web": {ONE.name: UP, TWO.name: MAINT}}) == []


def test_an_addition_that_was_interrupted_is_completed() -> None:
    assert changes(WEB, wanted(ONE), {"web": {ONE.name: ADDED}}) == [
        "enable health web/10.1.0.1:80",
        "set server web/10.1.0.1:80 state ready",
    ]


def test_an_endpoint_that_is_back_is_used_again_whatever_took_it_out() -> None:
    for state in (MAINT, DRAIN):
        assert changes(WEB, wanted(ONE), {"web": {ONE.name: state}}) == ["set server web/10.1.0.1:80 state ready"]


def test_an_endpoint_that_ends_drains_and_one_that_is_gone_gets_nothing() -> None:
    present = {"web": {ONE.name: UP, TWO.name: UP}}
    assert changes(WEB, wanted(ONE, draining=(TWO,)), present) == ["set server web/10.1.0.2:80 state drain"]
    assert changes(WEB, wanted(ONE), present) == ["set server web/10.1.0.2:80 state maint"]
    assert changes(WEB, wanted(ONE), {"web": {ONE.name: UP, TWO.name: DRAIN}}) == ["set server web/10.1.0.2:80 state maint"]
    assert changes(WEB, wanted(ONE, draining=(TWO,)), {"web": {ONE.name: UP}}) == [], "it is not added in order to end"


def test_what_is_gone_is_deleted_when_it_has_finished() -> None:
    present = {"web": {ONE.name: UP, TWO.name: MAINT, "10.1.0.3:80": MAINT}}
    found = gone(WEB, wanted(ONE), present)
    assert found == ["web/10.1.0.2:80", "web/10.1.0.3:80"]
    assert removals(found, frozenset({"web/10.1.0.2:80"})) == ["del server web/10.1.0.3:80"]
    assert gone(WEB, wanted(ONE, draining=(TWO,)), {"web": {ONE.name: UP, TWO.name: DRAIN}}) == []


def test_a_proxy_with_servers_of_a_user_is_of_another_configuration_and_left_alone() -> None:
    assert followed(WEB, {"web": {"db1": UP, ONE.name: UP}}) == {}
    assert followed(WEB, {"web": {ONE.name: UP}}) == WEB == followed(WEB, {})


def test_the_states_are_read() -> None:
    answer = """1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status
3 web 2 10.1.0.1:80 10.1.0.1 2 8 1 1 0 1 0 0 2 0 0 0 - 9002 - 0 0 - - 0
3 web 3 fd00::1:80 fd00::1 0 1 1 1 1 1 0 0 6 0 0 0 - 9003 - 0 9003 - - 9003
"""
    assert parse_states(answer) == {"web": {"10.1.0.1:80": ServerState(8, 2), "fd00::1:80": ServerState(1, 6)}}


def test_servers_with_connections_are_found() -> None:
    answer = """# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb safe_nb idle_lim
web/10.1.0.1:80 3/1 127.0.0.1 9001 - 5000 0 1 1 0 0 -1
web/10.1.0.2:80 3/2 127.0.0.1 9002 - 5000 2 4 0 0 0 -1
"""
    assert busy_servers(answer) == {"web/10.1.0.2:80"}
    assert busy_servers("") == frozenset()


def test_lines_of_commands_are_shorter_than_haproxys_buffer() -> None:
    many = [f"add server web/10.1.{i // 250}.{i % 250}:80 10.1.0.1:80 check inter 5s rise 3 fall 3" for i in range(300)]
    lines = list(in_lines(many))
    assert ";".join(lines).split(";") == many and 1 < len(lines) < 10
    assert all(len(line) < commands._MOST + 200 for line in lines)


def test_what_haproxy_did_not_carry_out_is_found() -> None:
    assert complaints("New server registered.\n\n\nServer deleted.\n") == []
    assert complaints("\nBackend must use a dynamic algorithm.\n") == ["Backend must use a dynamic algorithm."]
