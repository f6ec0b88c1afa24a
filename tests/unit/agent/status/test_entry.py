"""The entry that is built from an observation, and when its `since` changes."""

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


def make_network(*addresses: str, index: int = 2) -> Network:
    links = (Link(2, "ens3"), Link(3, "ens4"))
    return Network(links, tuple(Address(index, ip_interface(text)) for text in addresses))


HOLDER = Observation(
    network=make_network("10.0.0.1/24", "10.0.0.200/24"),
    offered=CONFIG,
    installed=CONFIG,
    started=True,
    keepalived=True,
    states_known=True,
    instances={"VI_1": Instance(VrrpState.MASTER, 101)},
    haproxy=Health.UP,
)


def entry(observation: Observation, previous: NodeStatus | None = None, now: str = "t1") -> NodeStatus:
    return build_entry("node1", "0.1.0", observation, previous, now)


def test_a_holder_reports_its_virtual_ips_and_its_own_addresses_separately() -> None:
    dumped = entry(HOLDER).model_dump(mode="json", by_alias=True, exclude_none=True)
    assert dumped == {
        "name": "node1",
        "agentVersion": "0.1.0",
        "pod": "",
        "routers": [
            {"name": "VI_1", "state": "Master", "priority": 101, "interface": "ens3", "virtualIPs": ["10.0.0.200"], "since": "t1"}
        ],
        "interfaces": [{"name": "ens3", "addresses": ["10.0.0.1/24"]}, {"name": "ens4", "addresses": []}],
        "haproxy": "Up",
        "listeners": [],
        "configRevision": "r1",
        "since": "t1",
        "problems": [],
        "lostNodes": [],
        "livenessResponse": "",
    }


def test_own_addresses_are_reported_as_they_have_settled_and_others_as_they_are() -> None:
    network = make_network("10.0.0.1/24", "10.0.0.200/24", "10.0.0.77/32")
    gone = (Address(2, ip_interface("10.0.0.2/24")),)
    found = entry(replace(HOLDER, network=network, own_addresses={"ens3": gone, "ens9": gone})).interfaces
    assert [(each.name, each.addresses, each.other_addresses) for each in found] == [
        ("ens3", ("10.0.0.2/24",), ("10.0.0.77/32",)),
        ("ens4", (), None),
        ("ens9", ("10.0.0.2/24",), None),
    ]


def test_the_interfaces_that_a_configuration_names_are_reported() -> None:
    network = make_network("10.0.0.1/24")
    network = replace(network, links=(*network.links, Link(9, "cni0", "bridge")))
    config = CONFIG.model_copy(update={"named_interfaces": ("cni0",)})
    assert "cni0" not in {each.name for each in entry(replace(HOLDER, network=network)).interfaces}
    assert "cni0" in {each.name for each in entry(replace(HOLDER, network=network, offered=config)).interfaces}


def test_a_virtual_ip_on_another_interface_is_not_reported() -> None:
    observation = replace(HOLDER, network=make_network("10.0.0.200/24", index=3))
    assert entry(observation).routers[0].virtual_ips == ()


def test_a_virtual_ip_that_a_killed_keepalived_left_is_reported() -> None:
    """The state is keepalived's (Stopped), the addresses are the kernel's."""
    router = entry(replace(HOLDER, keepalived=False)).routers[0]
    assert (router.state, router.priority, router.virtual_ips) == (VrrpState.STOPPED, 0, ("10.0.0.200",))


def test_the_state_is_unknown_before_it_was_observed() -> None:
    assert entry(replace(HOLDER, keepalived=None)).routers[0].state is VrrpState.UNKNOWN
    assert entry(replace(HOLDER, instances={})).routers[0].state is VrrpState.UNKNOWN


def test_before_the_first_configuration_there_are_no_routers() -> None:
    first = entry(Observation(network=make_network("10.0.0.1/24", "10.0.0.200/24"), offered=CONFIG))
    assert first.routers == () and first.config_revision == ""
    assert first.interfaces[0].addresses == ("10.0.0.1/24",)  # the offered configuration names the virtual IP


def test_problems_are_sorted_by_part() -> None:
    one, two = NodeProblem(reason="A", message="a"), NodeProblem(reason="B", message="b")
    assert entry(replace(HOLDER, problems={"z": (two,), "a": (one,)})).problems == (one, two)


def test_since_is_kept_while_nothing_changes() -> None:
    first = entry(HOLDER, None, "t1")
    assert entry(HOLDER, first, "t2") is first


def test_since_of_a_router_changes_with_its_state_or_addresses_only() -> None:
    first = entry(HOLDER, None, "t1")
    other_priority = entry(replace(HOLDER, instances={"VI_1": Instance(VrrpState.MASTER, 99)}), first, "t2")
    assert (other_priority.since, other_priority.routers[0].since, other_priority.routers[0].priority) == ("t2", "t1", 99)
    fault = entry(replace(HOLDER, instances={"VI_1": Instance(VrrpState.FAULT, 99)}), other_priority, "t3")
    assert fault.routers[0].since == "t3"
    released = entry(replace(HOLDER, network=make_network("10.0.0.1/24")), first, "t2")
    assert released.routers[0].since == "t2"


def test_the_duration_of_a_takeover_is_kept_as_long_as_since() -> None:
    backup = entry(
        replace(HOLDER, network=make_network("10.0.0.1/24"), instances={"VI_1": Instance(VrrpState.BACKUP, 101)}), None, "t0"
    )
    assert backup.routers[0].takeover_milliseconds is None
    measured = replace(HOLDER, takeovers={"VI_1": 320})
    before = entry(replace(measured, instances={"VI_1": Instance(VrrpState.BACKUP, 101)}), backup, "t1")
    first = entry(measured, before, "t2")
    assert (first.routers[0].since, first.routers[0].takeover_milliseconds) == ("t2", 320)
    restarted = entry(HOLDER, first, "t3")  # the restarted agent has not measured the takeover
    assert restarted is first
    two_addresses = entry(replace(HOLDER, network=make_network("10.0.0.200/24", "10.0.0.201/24")), first, "t4")
    assert two_addresses.routers[0].takeover_milliseconds is None
    lost = entry(replace(measured, network=make_network("10.0.0.1/24")), first, "t5")
    assert lost.routers[0].takeover_milliseconds is None


observations = st.builds(
    Observation,
    network=st.sampled_from([make_network(), make_network("10.0.0.200/24"), make_network("10.0.0.1/24")]),
    installed=st.sampled_from([None, CONFIG]),
    keepalived=st.sampled_from([None, True, False]),
    haproxy=st.sampled_from(Health),
)


@given(st.lists(observations, min_size=2, max_size=6))
def test_since_is_the_time_of_the_last_difference(history: list[Observation]) -> None:
    previous: NodeStatus | None = None
    for tick, observation in enumerate(history):
        current = entry(observation, previous, f"t{tick}")
        if previous is not None:
            same = current.model_copy(update={"since": ""}) == previous.model_copy(update={"since": ""})
            assert current.since == (previous.since if same else f"t{tick}")
        previous = current


def test_virtual_ips_on_another_interface_than_vrrp_are_reported_with_it() -> None:
    (router,) = CONFIG.routers
    apart = CONFIG.model_copy(update={"routers": (router.model_copy(update={"address_interface": "ens4"}),)})
    (reported,) = entry(replace(HOLDER, installed=apart, network=make_network("10.0.0.200/24", index=3))).routers
    assert (reported.interface, reported.address_interface, reported.virtual_ips) == ("ens3", "ens4", ("10.0.0.200",))
