"""When a router's yield and step track files contain 1."""

from hacluster.agent.handover.yielding import YieldFlag, takeover_timeout
from hacluster.nodeconfig import Router


def router(**changes: object) -> Router:
    values: dict[str, object] = {
        "name": "VI_1", "interface": "ens3", "priority": 100, "virtual_router_id": 51, "virtual_ips": ("172.16.7.200/24",),
        "neighbours": ("172.16.7.163",), **changes,
    }  # fmt: skip
    return Router.model_validate(values)


def yields(flag: YieldFlag, now: float, *, holder: bool, asked: bool = True) -> bool:
    return flag.update(yields=asked, leaving=False, holder=holder, served=not holder, now=now)


def leaves(flag: YieldFlag, now: float, *, holder: bool, served: bool) -> bool:
    return flag.update(yields=False, leaving=True, holder=holder, served=served, now=now)


def test_with_preemption_the_flag_is_set_as_long_as_the_node_has_to_yield() -> None:
    flag = YieldFlag(router())
    assert not yields(flag, 0.0, holder=True, asked=False)
    assert yields(flag, 1.0, holder=True)
    assert yields(flag, 100.0, holder=False)
    assert not yields(flag, 101.0, holder=False, asked=False)


def test_a_holder_lowers_its_priority_in_two_steps_where_two_others_might_take_over_together() -> None:
    flag = YieldFlag(router(yields_in_steps=True))
    assert not yields(flag, 1.0, holder=True) and flag.step
    assert not yields(flag, 1.3, holder=True) and flag.step
    assert yields(flag, 1.5, holder=True) and flag.step  # the next node did not take over: any other may
    assert yields(flag, 2.0, holder=False)
    assert not yields(flag, 3.0, holder=False, asked=False) and not flag.step
    assert not leaves(flag, 4.0, holder=True, served=False) and flag.step
    assert leaves(flag, 4.1, holder=False, served=True)  # it has: now this node is the last one
    assert leaves(flag, 4.2, holder=True, served=False)  # nobody else was left: it does not begin again


def test_a_node_without_the_virtual_ips_lowers_its_priority_at_once() -> None:
    flag = YieldFlag(router(yields_in_steps=True))
    assert yields(flag, 1.0, holder=False) and not flag.step
    assert yields(flag, 2.0, holder=True) and not flag.step


def test_without_preemption_the_flag_of_the_holder_is_set_once_for_a_limited_time() -> None:
    flag = YieldFlag(router(preempts=False))
    assert not yields(flag, 0.0, holder=False)  # a node without the virtual IPs need not yield them
    assert yields(flag, 1.0, holder=True)
    assert yields(flag, 1.5, holder=False)
    assert not yields(flag, 2.1, holder=False)
    assert not yields(flag, 3.0, holder=True)  # no other node took over: it is not tried again
    assert not yields(flag, 4.0, holder=True, asked=False)
    assert yields(flag, 5.0, holder=True)


def test_a_pod_that_ends_does_not_take_the_virtual_ips_back_while_another_node_serves() -> None:
    flag = YieldFlag(router(preempts=False))
    assert leaves(flag, 0.0, holder=True, served=False)
    assert all(leaves(flag, float(at), holder=False, served=True) for at in range(1, 60))


def test_where_nobody_takes_over_the_holder_serves_on_and_tries_again_later() -> None:
    flag = YieldFlag(router(preempts=False))
    assert leaves(flag, 0.0, holder=True, served=False)
    assert leaves(flag, 0.9, holder=False, served=False)
    assert not any(leaves(flag, at / 10, holder=at > 14, served=False) for at in range(10, 105))
    assert leaves(flag, 11.1, holder=True, served=False)


def test_of_pods_that_all_end_together_one_goes_on_serving() -> None:
    """The holder gives up in vain. A backup waits in FAULT as long as the holder is heard, then it may take over, and keeps it."""
    holder, backup = YieldFlag(router(preempts=False)), YieldFlag(router(preempts=False))
    assert leaves(holder, 0.0, holder=True, served=False) and leaves(backup, 0.0, holder=False, served=True)
    assert not leaves(backup, 0.6, holder=False, served=False)
    assert not any(leaves(backup, 1.0 + at / 10, holder=True, served=False) for at in range(80))
    assert all(leaves(holder, 1.0 + at / 10, holder=False, served=True) for at in range(80))


def test_a_node_without_others_never_gives_the_virtual_ips_up() -> None:
    flag = YieldFlag(router(preempts=False, neighbours=()))
    assert not any(leaves(flag, float(at), holder=True, served=False) for at in range(60))


def test_the_takeover_timeout_follows_the_advertisement_interval() -> None:
    assert takeover_timeout(router()) == 1.0
    assert takeover_timeout(router(advertisement_interval_ms=1000)) == 5.0
    assert takeover_timeout(router(yields_in_steps=True)) == 1.4
    assert takeover_timeout(router(yields_in_steps=True, advertisement_interval_ms=1000)) == 9.0
