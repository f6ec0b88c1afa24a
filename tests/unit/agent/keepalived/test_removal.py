"""A virtual IP that somebody else removes is told from moves that the product knows."""

import pytest

from hacluster.agent.keepalived.removal import REPORTED_FOR, RemovalWatch
from hacluster.agent.state import Instance
from hacluster.api.status import VrrpState
from hacluster.nodeconfig import Router

ROUTER = Router(name="VI_1", interface="ens3", priority=100, virtual_router_id=51, virtual_ips=("172.16.7.200/24",))
MASTER, BACKUP, FAULT = VrrpState.MASTER, VrrpState.BACKUP, VrrpState.FAULT


def reasons(watch: RemovalWatch, *steps: tuple[float, VrrpState | None], heard: float | None = None) -> list[str]:
    """The problems after the states at these times. `heard`: when another member advertised last."""
    found: tuple[object, ...] = ()
    for at, state in steps:
        instances = {"VI_1": Instance(state)} if state else {}
        found = watch.update((ROUTER,), instances, lambda _: None if heard is None else ("172.16.7.163", heard), at)
    return [each.reason for each in found]  # type: ignore[attr-defined]


@pytest.mark.parametrize("heard", [None, 5.0])
def test_a_holder_that_loses_and_takes_the_address_alone_was_robbed(heard: float | None) -> None:
    watch = RemovalWatch()
    assert reasons(watch, (10.0, MASTER), (11.0, BACKUP), (11.06, MASTER), heard=heard) == ["VirtualIPRemoved"]
    assert reasons(watch, (11.06 + REPORTED_FOR - 1, MASTER)) == ["VirtualIPRemoved"]
    assert reasons(watch, (11.06 + REPORTED_FOR, MASTER)) == []


@pytest.mark.parametrize(
    ("steps", "heard"),
    [
        (((10.0, MASTER), (11.0, BACKUP), (11.06, MASTER)), 10.99),  # another node had it in between
        (((10.0, MASTER), (11.0, BACKUP), (11.06, MASTER)), 11.03),
        (((10.0, MASTER), (11.0, BACKUP), (12.0, MASTER)), None),  # it waited for an advertisement, as any backup
        (((10.0, MASTER), (11.0, FAULT), (11.06, BACKUP), (11.1, MASTER)), None),
        (((10.0, MASTER), (11.0, BACKUP), (11.02, FAULT), (11.06, MASTER)), None),
        (((10.0, MASTER), (11.0, BACKUP), (11.02, None), (11.06, MASTER)), None),
        (((10.0, MASTER), (11.0, None), (11.05, BACKUP), (11.1, MASTER)), None),  # keepalived started again
        (((10.0, BACKUP), (11.0, MASTER)), None),
    ],
)
def test_other_moves_are_no_removal(steps: tuple[tuple[float, VrrpState | None], ...], heard: float | None) -> None:
    assert reasons(RemovalWatch(), *steps, heard=heard) == []
