"""What another program removed from the kernel is put back and reported; a refusal is reported and tried again."""

from pathlib import Path

from hacluster.agent.handover.forwarding import Forwarding
from hacluster.agent.handover.second_chance import PART
from hacluster.api.reasons import Reason
from tests.unit.agent.handover.routers import FOUR, OLD, VIP, config
from tests.unit.agent.handover.test_second_chance import Node, network
from tests.waiting import eventually_async


def reasons(node: Node) -> list[Reason]:
    return [each.reason for each in node.state.now.problems.get(PART, ())]


async def test_what_another_program_removed_is_back_within_a_second_with_its_entries(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.state.update(installed=config(FOUR), network=network())
    node.advertise(OLD)
    with node.running():
        await eventually_async(lambda: node.netfilter.holders == [OLD])
        assert reasons(node) == []
        node.netfilter.flush()
        node.routes.present = False
        count = len(node.netfilter.scripts)
        await eventually_async(lambda: node.netfilter.holders == [OLD] and node.routes.present, within=1.0)
        assert not node.netfilter.empty
        assert len(node.netfilter.scripts) == count + 1, "tables and entries in one transaction"
        await eventually_async(lambda: reasons(node) == [Reason.FORWARDING_REPAIRED], within=1.0)


async def test_entries_of_a_holder_in_its_drain_are_put_back_too(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.state.update(installed=config(FOUR), network=network())
    node.advertise(OLD)
    with node.running():
        await eventually_async(lambda: node.netfilter.holders == [OLD])
        node.state.update(network=network(f"{VIP}/24"))
        await eventually_async(lambda: "timeout 30s" in node.netfilter.scripts[-1] and len(node.netfilter.scripts) > 1)
        node.netfilter.flush()
        await eventually_async(lambda: node.netfilter.holders == [OLD], within=1.0)
        assert not node.netfilter.empty
        name = Forwarding(config(FOUR)).name
        assert await node.netfilter.run(f"flush map ip {name} holder0_0") == ""  # another program removes the entry alone
        assert node.netfilter.holders == []
        await eventually_async(lambda: node.netfilter.holders == [OLD], within=1.0)


async def test_a_refusal_is_reported_and_tried_again_until_the_cure_has_worked(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.netfilter.failure = "nft: nft is not installed"
    node.state.update(installed=config(FOUR), network=network())
    node.advertise(OLD)
    with node.running():
        await eventually_async(lambda: reasons(node) == [Reason.NO_SECOND_CHANCE])
        assert node.routes.present, "the old holder can still serve its connections"
        await eventually_async(lambda: len(node.netfilter.scripts) == 3)
        first, second, third = node.netfilter.times
        assert second - first >= 0.5 and third - second >= 1.0, "the delay grows"
        node.netfilter.failure = ""
        await eventually_async(lambda: node.netfilter.holders == [OLD], within=5)
        await eventually_async(lambda: reasons(node) == [])


async def test_refused_policy_routes_are_reported_and_tried_again(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.routes.failure = "Network is down"
    node.state.update(installed=config(FOUR), network=network())
    with node.running():
        await eventually_async(lambda: reasons(node) == [Reason.NO_SECOND_CHANCE])
        assert not node.netfilter.empty
        node.routes.failure = ""
        await eventually_async(lambda: node.routes.present and reasons(node) == [])


async def test_a_restarted_agent_leaves_what_its_predecessor_installed(tmp_path: Path) -> None:
    first = Node(tmp_path)
    first.state.update(installed=config(FOUR), network=network())
    with first.running():
        await eventually_async(lambda: not first.netfilter.empty)
    for flushed in (False, True):
        second = Node(tmp_path)
        await second.netfilter.run(first.netfilter.scripts[0])
        if flushed:  # while no agent ran
            second.netfilter.flush()
        second.state.update(installed=config(FOUR), network=network(f"{VIP}/24"))
        with second.running():
            await eventually_async(lambda: second.routes.present)  # noqa: B023
            await eventually_async(lambda: not second.netfilter.empty)  # noqa: B023
            assert len(second.netfilter.scripts) == (2 if flushed else 1)
