"""When keepalived's states contradict what should decide them, and which repairs follow."""

import itertools
from dataclasses import replace
from ipaddress import ip_interface

import pytest

from hacluster.agent.keepalived.expectation import (
    IFF_RUNNING,
    IFF_UP,
    Contradiction,
    Flags,
    Repair,
    RepairPlan,
    contradictions,
)
from hacluster.agent.state import Instance, Observation
from hacluster.agent.system.network import Address, Link, Network
from hacluster.api.status import Health, VrrpState
from hacluster.nodeconfig import AgentConfig, Router

OWN, VIP = "172.16.7.153/24", "172.16.7.200/24"
ROUTER = Router(name="VI_1", interface="ens3", priority=100, virtual_router_id=51, virtual_ips=(VIP,))
CONFIG = AgentConfig(cluster="web", namespace="default", node="node1", revision="r1", routers=(ROUTER,))
FIT = Flags(False, {"VI_1": False})


def network(*addresses: str, flags: int = IFF_UP | IFF_RUNNING) -> Network:
    return Network((Link(2, "ens3", flags=flags),), tuple(Address(2, ip_interface(each)) for each in addresses))


def seen(state: VrrpState, *addresses: str, **changes: object) -> Observation:
    """Everything is in order, but for the router's state and these addresses besides the node's own."""
    made = Observation(
        network=network(OWN, *addresses), installed=CONFIG, started=True, keepalived=True, states_known=True, haproxy=Health.UP,
        instances={"VI_1": Instance(state, 100)},
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def found(observation: Observation, flags: Flags = FIT, heard: float | None = 0.0) -> Contradiction | None:
    return contradictions(observation, flags, lambda _: heard).get("VI_1")


@pytest.mark.parametrize("observation", [seen(VrrpState.MASTER, VIP), seen(VrrpState.BACKUP)])
def test_what_should_be_is_no_contradiction(observation: Observation) -> None:
    assert found(observation) is None


def test_fault_without_any_cause_contradicts() -> None:
    assert found(seen(VrrpState.FAULT)) is Contradiction.FAULT


@pytest.mark.parametrize(
    ("observation", "flags"),
    [
        (seen(VrrpState.FAULT), Flags(True, {"VI_1": False})),
        (seen(VrrpState.FAULT), Flags(None, {"VI_1": False})),
        (seen(VrrpState.FAULT), Flags(False, {"VI_1": True})),
        (seen(VrrpState.FAULT, haproxy=Health.DOWN), FIT),
        (seen(VrrpState.FAULT, network=network(OWN, flags=IFF_UP)), FIT),
        (seen(VrrpState.FAULT, network=network(OWN, flags=0)), FIT),
        (seen(VrrpState.FAULT, network=network()), FIT),
        (seen(VrrpState.FAULT, network=network("2001:db8::1/64")), FIT),
        (seen(VrrpState.FAULT, network=Network()), FIT),
    ],
)
def test_fault_with_a_cause_does_not(observation: Observation, flags: Flags) -> None:
    assert found(observation, flags) is None


@pytest.mark.parametrize(("flags", "expected"), [(IFF_UP | IFF_RUNNING, Contradiction.FAULT), (IFF_UP, None), (None, None)])
def test_keepalived_tracks_the_interface_of_the_virtual_ips_too(flags: int | None, expected: Contradiction | None) -> None:
    """It goes to FAULT if that is down, since it could not add the addresses again."""
    apart = CONFIG.model_copy(update={"routers": (ROUTER.model_copy(update={"address_interface": "ens4"}),)})
    links = (Link(2, "ens3", flags=IFF_UP | IFF_RUNNING), *([Link(3, "ens4", flags=flags)] if flags is not None else []))
    on_two = Network(links, (Address(2, ip_interface(OWN)),))
    assert found(seen(VrrpState.FAULT, network=on_two, installed=apart)) is expected


def test_the_kernel_has_to_have_the_addresses_of_a_master_and_no_others() -> None:
    assert found(seen(VrrpState.MASTER)) is Contradiction.LACKS_ADDRESS
    assert found(seen(VrrpState.BACKUP, VIP)) is Contradiction.KEEPS_ADDRESS
    assert found(seen(VrrpState.FAULT, VIP), Flags(True, {})) is Contradiction.KEEPS_ADDRESS


@pytest.mark.parametrize(("heard", "expected"), [(1.4, None), (1.6, Contradiction.NO_TAKEOVER), (None, None)])
def test_a_backup_has_to_take_over_when_nobody_advertises(heard: float | None, expected: Contradiction | None) -> None:
    assert found(seen(VrrpState.BACKUP), heard=heard) is expected


def test_a_slow_backup_has_more_time() -> None:
    slow = CONFIG.model_copy(update={"routers": (ROUTER.model_copy(update={"advertisement_interval_ms": 1000}),)})
    assert found(seen(VrrpState.BACKUP, installed=slow), heard=9.9) is None
    assert found(seen(VrrpState.BACKUP, installed=slow), heard=10.1) is Contradiction.NO_TAKEOVER


@pytest.mark.parametrize("changes", [{"keepalived": False}, {"states_known": False}, {"installed": None}, {"network": None}])
def test_before_everything_is_known_nothing_contradicts(changes: dict[str, object]) -> None:
    assert found(seen(VrrpState.FAULT, **changes)) is None


def repairs(plan: RepairPlan, present: bool, start: float, end: float) -> list[tuple[float, Repair]]:
    """The repairs between two times in tenths of a second, with their times."""
    done = []
    for tenth in range(round(start * 10), round(end * 10)):
        repair = plan.update({"VI_1": Contradiction.FAULT} if present else {}, tenth / 10)
        if repair:
            done.append((tenth / 10, repair))
    return done


def test_repairs_come_one_after_the_other_and_the_last_ones_ever_more_rarely() -> None:
    done = repairs(RepairPlan(), True, 0, 100)
    assert [each for _, each in done] == [
        Repair.ASK,
        Repair.WRITE,
        Repair.RELOAD,
        Repair.REPORT,
        *(Repair.RELOAD, Repair.REPORT) * 3,
    ]
    reloads = [at for at, each in done if each is Repair.RELOAD]
    assert reloads[0] < 2 and [round(b - a) for a, b in itertools.pairwise(reloads)] == [11, 21, 41]


def test_a_short_contradiction_is_none() -> None:
    plan = RepairPlan()
    assert repairs(plan, True, 0, 0.6) == [] and repairs(plan, False, 0.6, 1) == []
    assert repairs(plan, True, 1, 1.6) == []


def test_a_new_contradiction_begins_with_the_mildest_repair() -> None:
    plan = RepairPlan()
    assert repairs(plan, True, 0, 5)[-1][1] is Repair.REPORT
    repairs(plan, False, 5, 6)
    assert repairs(plan, True, 6, 7.0)[0][1] is Repair.ASK
