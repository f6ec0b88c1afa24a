"""keepalived.conf: weights, versions and the check script; properties whose reason a golden file cannot show."""

import json
import os
import shlex
import socket
import subprocess
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hacluster import names
from hacluster.nodeconfig import File
from hacluster.plan import Plan
from hacluster.plan.texts.keepalived import seconds
from tests.unit.plan.clusters import cluster, node, nodes, plan


def text(made: Plan, name: str = "n1") -> str:
    return made.texts[name][File.KEEPALIVED]


@pytest.mark.parametrize(
    ("milliseconds", "printed"), [(1000, "1"), (10, "0.01"), (40_950, "40.95"), (100_000, "100"), (1, "0.001"), (2500, "2.5")]
)
def test_durations_are_printed_in_seconds(milliseconds: int, printed: str) -> None:
    assert seconds(timedelta(milliseconds=milliseconds)) == printed


def test_by_priority_only_the_highest_priority_starts_as_master() -> None:
    made = plan(cluster(vrrp={"initialState": "ByPriority"}, nodes=[{"name": "n3", "priority": 254}]))
    assert ["state MASTER" in text(made, name) for name in ("n1", "n2", "n3")] == [False, False, True]
    assert "state MASTER" not in text(plan(cluster()))


def test_by_priority_each_router_has_a_master_among_its_own_members() -> None:
    routers = [{"virtualIPs": ["192.0.2.10/24"]}, {"virtualIPs": ["198.51.100.10/24"]}]
    resource = cluster(vrrp={"initialState": "ByPriority"}, virtualRouters=routers)
    made = plan(
        resource,
        node("a", internal="192.0.2.1", eth0=["192.0.2.1/24"]),
        node("b", internal="192.0.2.2", eth0=["192.0.2.2/24"], eth1=["198.51.100.2/24"]),
    )
    assert text(made, "a").count("state MASTER") == 1
    assert text(made, "b").count("state MASTER") == 1, "b starts as master of the router that a cannot run"


def test_a_process_check_adds_its_weight_unless_the_sum_exceeds_254() -> None:
    check = {"type": "Process", "weight": 4}
    assert "weight 4\n" in text(plan(cluster(vrrp={"check": check}), *nodes(1))), "250 + 4 is the highest effective priority"
    assert "weight -5\n" in text(plan(cluster(vrrp={"check": check | {"weight": 5}}), *nodes(1)))


def test_all_nodes_have_the_same_weight() -> None:
    """If some nodes added and others subtracted, priorities could not be compared: the highest priority decides for all nodes."""
    resource = cluster(vrrp={"check": {"type": "Process", "weight": 50}}, nodes=[{"name": "n1", "priority": 205}])
    made = plan(resource)
    assert {"weight -50\n" in text(made, name) for name in ("n1", "n2", "n3")} == {True}


def test_the_haproxy_track_file_exists_only_with_the_http_check() -> None:
    assert "init_file 1" in text(plan(cluster())), "unfit until the agent has written the file"
    process = text(plan(cluster(vrrp={"check": {"type": "Process"}})))
    assert "track_file haproxy" not in process and "agent-alive" not in process
    with_weight = text(plan(cluster(vrrp={"check": {"type": "HTTP", "weight": 60}})))
    assert with_weight.count("weight -60\n") == 2, "the track file, and the script that checks if the agent is dead"


@pytest.mark.parametrize(
    ("preemption", "weight"),
    [({"mode": "Immediate"}, -253), ({"mode": "Delayed", "delay": "5s"}, 0), ({"mode": "Never"}, 0)],
)
def test_a_yielding_node_lowers_its_priority_or_without_immediate_preemption_enters_fault(
    preemption: dict[str, Any], weight: int
) -> None:
    conf = text(plan(cluster(vrrp={"preemption": preemption}, virtualRouters=[{"name": "a", "virtualIPs": ["192.0.2.10/24"]}])))
    block = conf.split("track_file yield_a {\n")[1].split("}")[0]
    assert f"weight {weight}\n" in block and "init_file 0" in block, "no node yields before its agent writes the file"
    assert f"file {names.track_yield('a')}\n" in block
    steps = "        step_a\n" if weight else ""
    assert conf.endswith(f"        yield_a\n{steps}    }}\n}}\n")


@pytest.mark.parametrize(
    ("changes", "weights"),
    [
        (
            {},
            {"n1": -11, "n2": -1, "n3": -1},
        ),  # 250 becomes 239, and only 240 is above it; 240 becomes 239, and 230 is not above it
        ({"nodes": [{"name": "n3", "priority": 254}]}, {"n1": -1, "n2": -1, "n3": -5}),
        (
            {"virtualRouters": [{"name": "a", "virtualIPs": ["192.0.2.10/24"], "preferredNode": "n2"}]},
            {"n1": -1, "n2": -11, "n3": -1},
        ),
        ({"vrrp": {"preemption": {"mode": "Never"}}}, {"n1": None}),
    ],
)
def test_a_node_yields_to_the_next_one_first_where_two_might_take_over_together(
    changes: dict[str, Any], weights: dict[str, int | None]
) -> None:
    made = plan(cluster(**{"virtualRouters": [{"name": "a", "virtualIPs": ["192.0.2.10/24"]}], **changes}))
    for name, weight in weights.items():
        _, _, block = text(made, name).partition("track_file step_a {\n")
        assert (f"    weight {weight}\n" in block.split("}")[0]) if weight else not block, name
        agent = json.loads(made.texts[name][File.AGENT])
        assert [each.get("yields_in_steps", False) for each in agent["routers"]] == [weight is not None], name


def test_a_preferred_node_that_cannot_take_the_address_for_a_while_changes_no_file_where_it_ranks_first_anyway() -> None:
    """Its pod is replaced: keepalived would be reloaded as it takes the address back, and advertise too late (`make bench-moves`)."""
    resource = cluster(virtualRouters=[{"name": "a", "virtualIPs": ["192.0.2.10/24"], "preferredNode": "n1"}])
    first, *others = nodes()
    fit = plan(resource, first, *others)
    unfit = plan(
        resource,
        replace(first, unfit="its pod is ending"),
        *(replace(each, holds=frozenset("a")) for each in others[:1]),
        others[1],
    )
    assert fit.topology.routers[0].preferred == "n1" and not unfit.topology.routers[0].preferred
    assert [text(fit, name) for name in ("n1", "n2", "n3")] == [text(unfit, name) for name in ("n1", "n2", "n3")]


def test_the_check_script_asks_haproxy_only_if_the_agent_is_dead(tmp_path: Path) -> None:
    """Runs the real script, with paths of this test."""
    (line,) = [each for each in text(plan(cluster())).splitlines() if each.strip().startswith("script ")]
    command = line.strip().removeprefix('script "').removesuffix('"')
    alive, admin = tmp_path / "alive", tmp_path / "admin.sock"
    command = command.replace(names.AGENT_ALIVE, str(alive)).replace(names.HAPROXY_ADMIN_SOCKET, str(admin))

    def passes() -> bool:
        return subprocess.run(shlex.split(command), timeout=10, check=False).returncode == 0

    assert not passes(), "no agent, no HAProxy"
    alive.touch()
    assert passes(), "the agent is alive, and checks HAProxy itself"
    for age in (names.AGENT_ALIVE_TIMEOUT + 1, 3600, -3600):
        old = time.time() - age
        os.utime(alive, (old, old))
        assert not passes(), f"the agent died {age} s ago, perhaps before the clock was set back, and HAProxy does not answer"
    with socket.socket(socket.AF_UNIX) as haproxy:
        haproxy.bind(str(admin))
        haproxy.listen()

        def answer() -> None:
            connection, _ = haproxy.accept()
            connection.recv(100)
            connection.sendall(b"Name: HAProxy\n")
            connection.close()

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        assert passes(), "the agent is dead, and HAProxy answers"
        thread.join(timeout=5)
        assert not passes(), "HAProxy accepts a connection but does not answer: it hangs"


def test_keepalived_conf_sets_no_real_time_scheduling() -> None:
    """keepalived 2.3.3 is killed by the kernel after a reload with it (see the template)."""
    assert "rt_priority" not in text(plan(cluster())) and "rlimit_rttime" not in text(plan(cluster()))


def test_an_ipv6_router_speaks_version_3_whatever_the_resource_says() -> None:
    routers = [{"virtualIPs": ["2001:db8::10/64"]}, {"virtualIPs": ["192.0.2.10/24"]}]
    views = (node("a", internal="192.0.2.1", eth0=["2001:db8::1/64", "192.0.2.1/24"]),)
    made = plan(cluster(virtualRouters=routers, vrrp={"version": 2, "advertisementInterval": "40s"}), *views)
    assert not made.blocked and "    version 3\n" in text(made, "a")


def test_an_ipv6_virtual_ip_is_not_preferred_as_source_address() -> None:
    views = (node("a", internal="192.0.2.1", eth0=["2001:db8::1/64"]),)
    made = plan(cluster(virtualRouters=[{"virtualIPs": ["2001:db8::10/64"]}]), *views)
    assert "        2001:db8::10/64 preferred_lft 0\n    }\n" in text(made, "a")
    assert "preferred_lft" not in text(plan(cluster()))


def test_script_user_comes_before_the_fifo() -> None:
    """In the other order keepalived drops the FIFO at its first reload."""
    conf = text(plan(cluster()))
    assert conf.index("script_user") < conf.index("vrrp_notify_fifo")
