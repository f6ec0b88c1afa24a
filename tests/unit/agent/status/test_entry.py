"""The entry that the node reports."""

from dataclasses import replace
from ipaddress import ip_interface

from hypothesis import given
from hypothesis import strategies as st

from hacluster.agent.state import Instance, Observation
from hacluster.agent.status.entry import build_entry
from hacluster.agent.system.network import Address, Link, Network
from hacluster.api.status import Health, NodeProblem, NodeStatus, VrrpState
from hacluster.nodeconfig import AgentConfig, Router

CONFIG = AgentConfig(
    cluster="web",
    namespace="default",
    node="node1",
    revision="r1",
    routers=(
        Router(name="VI_1", interface="ens3", priority=101, virtual_router_id=51, virtual_ips=("10.0.0.200/24", "10.0.0.201/24")),
    ),
    all_virtual_ips=("10.0.0.200", "10.0.0.201"),
)


def network(*held: str, index: int = 2) -> Network:
    links = (Link(2, "ens3"), Link(3, "ens4"))
    return Network(links, tuple(Address(index, ip_interface(text)) for text in held))


SEEN = Observation(
    network=network("10.0.0.1/24", "10.0.0.200/24"),
    offered=CONFIG,
    installed=CONFIG,
    started=True,
    keepalived=True,
    learned=True,
    instances={"VI_1": Instance(VrrpState.MASTER, 101)},
    haproxy=Health.UP,
)


def entry(seen: Observation, previous: NodeStatus | None = None, now: str = "t1") -> NodeStatus:
    return build_entry("node1", "0.1.0", seen, previous, now)


def test_a_holder() -> None:
    dumped = entry(SEEN).model_dump(mode="json", by_alias=True, exclude_none=True)
    assert dumped == {
        "name": "node1",
        "agentVersion": "0.1.0",
        "routers": [
            {"name": "VI_1", "state": "Master", "priority": 101, "interface": "ens3", "virtualIPs": ["10.0.0.200"], "since": "t1"}
        ],
        "interfaces": [{"name": "ens3", "addresses": ["10.0.0.1/24"]}, {"name": "ens4", "addresses": []}],
        "haproxy": "Up",
        "configRevision": "r1",
        "since": "t1",
        "problems": [],
    }


def test_an_address_on_another_interface_is_no_claim() -> None:
    seen = replace(SEEN, network=network("10.0.0.200/24", index=3))
    assert entry(seen).routers[0].virtual_ips == ()


def test_the_kernel_and_keepalived_are_both_told_as_they_are() -> None:
    """A SIGKILLed keepalived is stopped, and its address is still claimed while the kernel has it."""
    router = entry(replace(SEEN, keepalived=False)).routers[0]
    assert (router.state, router.priority, router.virtual_ips) == (VrrpState.STOPPED, 0, ("10.0.0.200",))


def test_what_is_not_known_is_unknown() -> None:
    assert entry(replace(SEEN, keepalived=None)).routers[0].state is VrrpState.UNKNOWN
    assert entry(replace(SEEN, instances={})).routers[0].state is VrrpState.UNKNOWN


def test_before_the_first_configuration() -> None:
    first = entry(Observation(network=network("10.0.0.1/24", "10.0.0.200/24"), offered=CONFIG))
    assert first.routers == () and first.config_revision == ""
    assert first.interfaces[0].addresses == ("10.0.0.1/24",)  # the orders are known before they are carried out


def test_problems_of_all_parts() -> None:
    one, two = NodeProblem(reason="A", message="a"), NodeProblem(reason="B", message="b")
    assert entry(replace(SEEN, problems={"z": (two,), "a": (one,)})).problems == (one, two)


def test_since_stays_while_nothing_changes() -> None:
    first = entry(SEEN, None, "t1")
    assert entry(SEEN, first, "t2") is first


def test_since_of_a_router_moves_only_with_state_and_addresses() -> None:
    first = entry(SEEN, None, "t1")
    weaker = entry(replace(SEEN, instances={"VI_1": Instance(VrrpState.MASTER, 99)}), first, "t2")
    assert (weaker.since, weaker.routers[0].since, weaker.routers[0].priority) == ("t2", "t1", 99)
    fault = entry(replace(SEEN, instances={"VI_1": Instance(VrrpState.FAULT, 99)}), weaker, "t3")
    assert fault.routers[0].since == "t3"
    moved = entry(replace(SEEN, network=network("10.0.0.1/24")), first, "t2")
    assert moved.routers[0].since == "t2"


def test_the_time_of_a_takeover_stays_as_long_as_since_does() -> None:
    backup = entry(replace(SEEN, network=network("10.0.0.1/24"), instances={"VI_1": Instance(VrrpState.BACKUP, 101)}), None, "t0")
    assert backup.routers[0].takeover_milliseconds is None
    took = replace(SEEN, takeovers={"VI_1": 320})
    early = entry(replace(took, instances={"VI_1": Instance(VrrpState.BACKUP, 101)}), backup, "t1")
    first = entry(took, early, "t2")
    assert (first.routers[0].since, first.routers[0].takeover_milliseconds) == ("t2", 320)
    restarted = entry(SEEN, first, "t3")  # its agent remembers nothing
    assert restarted is first
    other = entry(replace(SEEN, network=network("10.0.0.200/24", "10.0.0.201/24")), first, "t4")
    assert other.routers[0].takeover_milliseconds is None
    lost = entry(replace(took, network=network("10.0.0.1/24")), first, "t5")
    assert lost.routers[0].takeover_milliseconds is None


observations = st.builds(
    Observation,
    network=st.sampled_from([network(), network("10.0.0.200/24"), network("10.0.0.1/24")]),
    installed=st.sampled_from([None, CONFIG]),
    keepalived=st.sampled_from([None, True, False]),
    haproxy=st.sampled_from(Health),
)


@given(st.lists(observations, min_size=2, max_size=6))
def test_since_is_the_time_of_the_last_difference(seen: list[Observation]) -> None:
    previous: NodeStatus | None = None
    for tick, one in enumerate(seen):
        now = entry(one, previous, f"t{tick}")
        if previous is not None:
            same = now.model_copy(update={"since": ""}) == previous.model_copy(update={"since": ""})
            assert now.since == (previous.since if same else f"t{tick}")
        previous = now
