"""Which states of servers a reload carries over. What HAProxy makes of the text: tests/daemons/agent."""

from hacluster.agent.haproxy.server_states import states_for_reload

CONFIG = """\
listen web
    bind *:80
    mode http
    option httpchk
    http-check send meth OPTIONS uri /
    server s1 10.0.0.1:80 check inter 5s
    server s2 10.0.0.2:80 check inter 5s
    server s3 [2001:db8::3]:80 check inter 5s

listen db
    bind *:3306
    mode tcp
    option tcp-check
    server d1 10.0.0.9:3306 check
"""
UP, DOWN = "2", "0"


def line(proxy: str, server: str, operational: str = UP, admin: str = "0") -> str:
    return f"4 {proxy} 1 {server} 10.0.0.1 {operational} {admin} 1 1 7 6 3 5 6 0 0 0 - 80 - 0 0 - - 0"


def answer(*lines: str) -> str:
    return "\n".join(("1", "# be_id be_name srv_id srv_name …", *lines, "", ""))


ALL = (line("web", "s1"), line("web", "s2", DOWN), line("web", "s3"), line("db", "d1"))


def carried(text: str) -> dict[str, str]:
    """Proxy/server → operational state."""
    version, *lines = text.splitlines()
    assert version == "1" and text.endswith("\n") and all(len(each.split()) == 20 for each in lines)
    return {f"{each.split()[1]}/{each.split()[3]}": each.split()[5] for each in lines}


def test_what_is_known_of_unchanged_servers_is_carried_over() -> None:
    text = states_for_reload(answer(*ALL), CONFIG, CONFIG.replace("bind *:80", "bind *:81"))
    assert carried(text) == {"web/s1": UP, "web/s2": DOWN, "web/s3": UP, "db/d1": UP}


def test_where_no_server_is_up_none_is_down_by_an_old_check() -> None:
    text = states_for_reload(answer(line("web", "s1", DOWN), line("web", "s2", DOWN), line("web", "s3", DOWN)), CONFIG, CONFIG)
    assert carried(text) == {}


def test_a_server_that_an_administrator_took_out_stays_out() -> None:
    text = states_for_reload(answer(line("web", "s1", DOWN, "1"), line("web", "s2", UP, "8")), CONFIG, CONFIG)
    assert carried(text) == {"web/s1": DOWN, "web/s2": UP} and " s1 10.0.0.1 0 1 " in text and " s2 10.0.0.1 2 8 " in text


def test_a_new_or_changed_server_is_down_beside_one_that_is_up() -> None:
    after = CONFIG.replace("10.0.0.1:80", "10.0.0.1:8080").replace(
        "    server s2", "    server new 10.0.0.5:90 check\n    server s2"
    )
    text = states_for_reload(answer(*ALL), CONFIG, after)
    assert carried(text) == {"web/s1": DOWN, "web/new": DOWN, "web/s2": DOWN, "web/s3": UP, "db/d1": UP}
    ports = {each.split()[3]: each.split()[18] for each in text.splitlines()[1:]}
    assert ports["s1"] == "8080" and ports["new"] == "90"


def test_a_new_server_that_no_check_would_bring_up_starts_as_haproxy_starts_it() -> None:
    new = "    server unchecked 10.0.0.5:90\n    server named db.lan:90 check inter 5s resolvers hacluster init-addr last,none\n"
    text = states_for_reload(answer(*ALL), CONFIG, CONFIG.replace("    server s1", f"{new}    server s1"))
    assert carried(text).keys() == {"web/s1", "web/s2", "web/s3", "db/d1"}


def test_no_state_is_carried_over_to_another_type_of_check() -> None:
    for other in (
        "    option mysql-check user haproxy",
        "    option pgsql-check user a",
        "    option tcp-check\n    tcp-check expect binary 2b",
    ):
        text = states_for_reload(answer(*ALL), CONFIG, CONFIG.replace("    option tcp-check", other))
        assert carried(text).keys() == {"web/s1", "web/s2", "web/s3"}


def test_no_state_is_carried_over_to_a_check_as_another_user() -> None:
    for kind in ("mysql", "pgsql"):
        before = CONFIG.replace("    option tcp-check", f"    option {kind}-check user one")
        text = states_for_reload(answer(*ALL), before, before.replace("user one", "user two"))
        assert carried(text).keys() == {"web/s1", "web/s2", "web/s3"}


def test_with_another_check_and_with_new_neighbours_only_servers_start_anew() -> None:
    assert carried(states_for_reload(answer(*ALL), CONFIG, CONFIG.replace("meth OPTIONS", "meth GET"))) == {"db/d1": UP}
    assert carried(states_for_reload(answer(*ALL), CONFIG, CONFIG.replace("inter 5s", "inter 1s"))) == {"db/d1": UP}


def test_an_answer_of_another_version_is_not_used() -> None:
    assert states_for_reload("2\n# …\n", CONFIG, CONFIG) == states_for_reload("", CONFIG, CONFIG) == ""
