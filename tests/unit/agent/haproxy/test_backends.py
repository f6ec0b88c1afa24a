"""HAProxy's statistics as entries of the status."""

from hacluster.agent.haproxy.backends import all_up, falls_behind, is_urgent, listener_statuses, parse_proxies, with_endpoints
from hacluster.agent.services.endpoints import Endpoint, Endpoints
from hacluster.api.status import ListenerStatus

COLUMNS = "# pxname,svname,status,check_status,check_code,check_duration,\n"


def stats(*rows: str) -> str:
    return COLUMNS + "".join(f"{each},\n" for each in rows) + "\n"


def listener(up: int, of: int, check: str) -> ListenerStatus:
    return ListenerStatus(name="web", port=80, servers_up=up, servers=of, last_check=check)


def entry(*rows: str) -> ListenerStatus:
    (found,) = listener_statuses(parse_proxies(stats(*rows)), {"web": 80, "absent": 81})
    return found


def test_servers_are_counted_and_a_server_that_is_not_up_gives_the_words() -> None:
    assert entry("web,s1,UP,L7OK,200,1", "web,s2,UP 1/3,L7OK,200,7") == listener(2, 2, "L7OK/200")
    assert entry("web,s1,UP,L7OK,200,1", "web,s2,DOWN,L7STS,405,1") == listener(1, 2, "L7STS/405")
    assert entry("web,s1,DOWN,* L4CON,,0") == listener(0, 1, "L4CON")
    assert entry("web,s1,no check,,,") == listener(1, 1, "no check")


def test_the_duration_of_a_check_and_a_check_that_runs_change_nothing() -> None:
    assert entry("web,s1,UP,L7OK,200,1") == entry("web,s1,UP,* L7OK,200,250")


def test_a_server_that_somebody_took_out_is_told_apart() -> None:
    assert entry("web,s1,MAINT,,,", "web,s2,UP,L7OK,200,1") == listener(1, 2, "MAINT")
    assert entry("web,s1,DRAIN,L7OK,200,1") == listener(0, 1, "DRAIN")


def test_a_host_name_that_does_not_resolve_is_told_apart_and_waited_for_by_nobody() -> None:
    unresolved = "web,s1,MAINT (resolution),,,"
    assert entry(unresolved, "web,s2,UP,L7OK,200,1") == listener(1, 2, "RESOLUTION")
    assert all_up(parse_proxies(stats(unresolved)))


def test_a_route_has_an_entry_of_its_own() -> None:
    proxies = parse_proxies(stats("web,s1,UP,L7OK,200,1", "web:api,s1,DOWN,L4CON,,0"))
    found = listener_statuses(proxies, {"web": 80, "web:api": 80})
    assert [(each.name, each.port, each.servers_up) for each in found] == [("web", 80, 1), ("web:api", 80, 0)]


def test_the_servers_of_a_service_are_the_endpoints_that_are_to_get_requests() -> None:
    """Neither one that HAProxy has because it finishes what it had, nor less than those that HAProxy does not have yet."""
    one, two, gone = (Endpoint(f"10.1.0.{number}", 80) for number in (1, 2, 3))
    stat = parse_proxies(stats(f"web,{one.name},UP,L7OK,200,1", f"web,{gone.name},MAINT,L7OK,200,1", "db,s1,UP,L4OK,,1"))
    proxies = with_endpoints(stat, {"web": Endpoints(used=(one,))})
    assert listener_statuses(proxies, {"web": 80}) == (listener(1, 1, "L7OK/200"),) and all_up(proxies)
    assert proxies["db"] == stat["db"]
    proxies = with_endpoints(stat, {"web": Endpoints(used=(one, two))})
    assert listener_statuses(proxies, {"web": 80}) == (listener(1, 2, "INI"),) and not all_up(proxies)


def test_a_service_without_endpoints_has_an_entry_that_says_so() -> None:
    proxies = with_endpoints({}, {"web": Endpoints()})
    assert listener_statuses(proxies, {"web": 80, "absent": 81}, {"web"}) == (listener(0, 0, "NO_ENDPOINTS"),)


def test_a_server_is_up_for_certain_only_by_a_check() -> None:
    up = "web,s1,UP,L7OK,200,1"
    assert all_up(
        parse_proxies(stats(up, "web,s2,UP,* L7OK,200,1", "db,s3,no check,,,", "db,s4,MAINT,,,", "db,s5,DRAIN,L7OK,200,1"))
    )
    for other in ("web,s2,UP,INI,,", "web,s2,UP,* INI,,", "web,s2,DOWN,L4TOUT,,"):
        assert not all_up(parse_proxies(stats(up, other)))


def test_a_node_falls_behind_where_the_holder_reaches_more_servers_of_a_listener() -> None:
    def seen(**counts: int) -> tuple[ListenerStatus, ...]:
        return tuple(ListenerStatus(name=name, port=80, servers_up=up, servers=3) for name, up in counts.items())

    behind = falls_behind(seen(web=3, db=1), seen(db=2, web=3))
    assert behind and [each.name for each in behind] == ["db", "db"] and [each.servers_up for each in behind] == [1, 2]
    assert falls_behind(seen(web=2), seen(web=2)) is None
    assert falls_behind(seen(web=3), seen(web=2)) is None
    assert falls_behind(seen(web=3, db=1), seen(web=2, db=2)) is None  # neither node is the better one
    assert falls_behind(seen(web=0), ()) is None  # the holder has not said
    assert falls_behind((), seen(web=3)) is None


def test_servers_that_go_and_the_first_one_are_urgent_and_further_ones_are_not() -> None:
    one, two, none = listener(1, 2, ""), listener(2, 2, ""), listener(0, 2, "")
    assert is_urgent((two,), (one,)), "who replaces servers would take the other one"
    assert is_urgent((one,), (none,)) and is_urgent((none,), (two,)) and is_urgent((), (one,)) and is_urgent((one,), ())
    assert not is_urgent((one,), (two,)) and not is_urgent((none,), (none,))
