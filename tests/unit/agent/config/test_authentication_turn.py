"""Another password is a setting that nodes have to agree on: the holder loads it first, the others once they hear it."""

import asyncio

import pytest

from hacluster.agent.config.authentication import Passwords
from hacluster.agent.keepalived.wire import wire_settings
from hacluster.agent.vrrp.authentication import as_sent
from hacluster.agent.vrrp.packet import Advert
from hacluster.nodeconfig import File
from tests.unit.agent.config.authenticated import A, B, Front, offered, store_with
from tests.unit.agent.config.node import Node
from tests.unit.agent.config.test_turn import VRID_51, Segment


def _advert(password: str) -> Advert:
    return Advert("172.16.7.163", 2, 51, 100, 1000, ("172.16.7.200",), "ens3", authentication=as_sent(password))


@pytest.mark.parametrize(("old", "new"), [(A, B), (B, A), ("", A), (A, "")])
async def test_other_nodes_load_another_password_once_they_hear_the_holder_with_it(node: Node, old: str, new: str) -> None:
    segment = Segment(holds=False)
    front = Front(node)
    front.segment = segment
    front.restart()

    async def to(password: str, revision: str) -> list[str]:
        if password:
            front.see(password)
        return await front.install(offered(revision, "vrrp" if password else ""))

    assert await to(old, "r1") == []
    node.daemons.start()
    installing = asyncio.ensure_future(to(new, "r2"))
    await asyncio.sleep(0.3)
    segment.adverts.record("VI_1", _advert(old), asyncio.get_running_loop().time())
    await asyncio.sleep(0.1)
    assert not installing.done() and front.loaded() == old
    segment.adverts.record("VI_1", _advert(new), asyncio.get_running_loop().time())
    async with asyncio.timeout(1):
        assert await installing == []
    assert front.loaded() == new


def test_the_password_is_a_setting_that_nodes_agree_on_and_no_new_instance() -> None:
    with_a, with_b = (wire_settings(_completed(each))["VI_1"] for each in (A, B))
    assert with_a.sent_by(_advert(A)) and not with_a.sent_by(_advert(B)) and not with_a.sent_by(_advert(""))
    assert not wire_settings(VRID_51)["VI_1"].hears(_advert(A))
    assert with_a != with_b and with_a.identity == with_b.identity
    assert A not in repr(with_a) and A not in repr(_advert(A))


def _completed(password: str) -> str:
    found, unknown = Passwords(store_with(password)).complete(offered(), None)
    assert not unknown
    return found.texts[File.KEEPALIVED]


async def test_a_secret_that_changes_back_ends_the_wait_for_the_holder(node: Node) -> None:
    front = Front(node)
    front.segment = Segment(holds=False)
    front.restart()
    front.see(A)
    assert await front.install(offered()) == []
    node.daemons.start()
    front.see(B)
    waiting = asyncio.ensure_future(front.install(offered()))
    await asyncio.sleep(0.2)
    front.see(A)
    async with asyncio.timeout(1):
        assert await waiting == []
    assert front.loaded() == A and front.installer.certificates.changed
    assert await front.install(offered()) == [] and not front.installer.certificates.changed
