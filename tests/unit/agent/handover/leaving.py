"""A node whose pod ends: fakes and values for the tests of planned moves."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_interface

import pytest

from hacluster.agent.handover.handover import Handover
from hacluster.agent.handover.soft_stop import SoftStop
from hacluster.agent.paths import Paths
from hacluster.agent.state import AgentState
from hacluster.agent.system.network import Address, Link, Network
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.agent.vrrp.packet import Advert
from hacluster.api.status import Health
from hacluster.nodeconfig import AgentConfig, Router

VIP = "172.16.7.200"


def router(**changes: object) -> Router:
    return Router(
        name="VI_1", interface="ens3", priority=100, virtual_router_id=51, virtual_ips=(f"{VIP}/24",), **changes,
    )  # type: ignore[arg-type]  # fmt: skip


def network(*addresses: str) -> Network:
    return Network((Link(2, "ens3"),), tuple(Address(2, ip_interface(each)) for each in addresses))


def config(**changes: object) -> AgentConfig:
    values: dict[str, object] = {
        "cluster": "web", "namespace": "default", "node": "node1", "revision": "r1",
        "routers": (router(),), "all_virtual_ips": (VIP,), "drain_seconds": 5.0, **changes,
    }  # fmt: skip
    return AgentConfig.model_validate(values)


class FakeKeepalived:
    """A keepalived with this process id."""

    def __init__(self) -> None:
        self.pid: int | None = 100

    def parent(self) -> int | None:
        return self.pid

    def end(self) -> None:
        self.pid = None


def yield_file(paths: Paths) -> str:
    """The content of the router's yield track file."""
    return paths.track_yield("VI_1").read_text()


class Leaving:
    """A node whose pod ends, with HAProxy up and the virtual IP held; `soft_stopped`: whether its HAProxy was stopped softly."""

    def __init__(self, paths: Paths, monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
        self.paths, self.state, self.adverts, self.keepalived = paths, AgentState(), LastAdverts(), FakeKeepalived()
        self.soft_stopped = False
        monkeypatch.setattr(SoftStop, "begin", lambda _: setattr(self, "soft_stopped", True))
        monkeypatch.setattr(SoftStop, "runs", lambda _: True)
        monkeypatch.setattr(SoftStop, "is_under_way", lambda _: self.soft_stopped)
        self.sessions = 0
        monkeypatch.setattr(SoftStop, "sessions", lambda _: self.sessions)
        monkeypatch.setattr("hacluster.agent.handover.handover.count_open", lambda *_: 1)
        others = router(neighbours=("172.16.7.163",), **changes)
        self.state.update(installed=config(drain_seconds=3.0, routers=(others,)), network=network(f"{VIP}/24"), haproxy=Health.UP)

    @contextmanager
    def running(self) -> Iterator[None]:
        handover = Handover(self.paths, self.state, self.keepalived, self.adverts)
        task = asyncio.create_task(handover.run())
        try:
            yield
        finally:
            task.cancel()

    def take_over(self) -> None:
        """Another node has the virtual IP now, and advertises."""
        self.state.update(network=network())
        self.adverts.record(
            "VI_1", Advert("172.16.7.163", 3, 51, 100, 100, (VIP,), "ens3"), asyncio.get_running_loop().time() + 60
        )
