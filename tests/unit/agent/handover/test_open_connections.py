"""The connections that were open when the rules were loaded. tests/dataplane/test_rebound.py shows what becomes of them."""

from pathlib import Path

from hacluster.agent.handover.forwarding import Forwarding
from hacluster.agent.handover.open_connections import add_open, remove_open
from hacluster.agent.handover.rules import ports, rules
from hacluster.agent.handover.tables import Tables
from hacluster.agent.system.tcp_sockets import Connection
from tests.unit.agent.handover.kernel import FakeNetfilter
from tests.unit.agent.handover.routers import BOUND, FOUR, HTTP, SIX, VIP, config

FORWARDING = Forwarding(config(FOUR, SIX, ports=(HTTP, BOUND)))
ONE, TWO = Connection("10.0.0.9", 40000, VIP, 443), Connection("10.0.0.9", 40001, VIP, 443)
IPV6 = Connection("2001:db8::9", 40000, "2001:db8::200", 443)


def test_each_connection_is_in_the_set_of_its_router() -> None:
    script = add_open(FORWARDING, {ONE, TWO, IPV6})
    assert (
        f"add element ip {FORWARDING.name} open0 {{ 10.0.0.9 . 40000 . {VIP} . 443, 10.0.0.9 . 40001 . {VIP} . 443 }}\n" in script
    )
    assert f"add element ip6 {FORWARDING.name} open1 {{ 2001:db8::9 . 40000 . 2001:db8::200 . 443 }}\n" in script
    assert add_open(FORWARDING, ()) == ""


def test_a_missing_element_can_be_removed() -> None:
    added, deleted = remove_open(FORWARDING, {ONE}).splitlines()
    assert added.startswith("add element") and deleted == added.replace("add", "delete", 1)


def test_the_sets_are_only_there_with_connection_tracking() -> None:
    assert "open0" in rules(FORWARDING) and "open0" not in rules(Forwarding(config(FOUR)))


def test_a_port_in_change_is_tracked_and_not_told_by_its_socket() -> None:
    changing = Forwarding(config(FOUR), tracked=frozenset({80}))
    assert "bound0 { 80 }" in ports(changing) and "any0 {" not in ports(changing)
    assert "by_tracking0" in rules(changing)


class Kernel(FakeNetfilter):
    """`open`: the connections that have a socket; `opened`: those that get one while the first script runs."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.opened = {ONE}, {TWO}

    async def run(self, script: str) -> str:
        self.open |= self.opened
        self.opened = set()
        return await super().run(script)


def tables(kernel: Kernel, record: Path) -> Tables:
    return Tables(record, kernel, lambda *_: set(kernel.open))


async def test_connections_are_recorded_with_the_rules_and_forgotten_when_they_have_ended(tmp_path: Path) -> None:
    kernel = Kernel()
    loaded = tables(kernel, tmp_path / "record")
    await loaded.ensure(FORWARDING, {}, (), ())
    assert "40000" in kernel.scripts[0] and "table ip" in kernel.scripts[0], "in the same transaction"
    assert kernel.scripts[1] == add_open(FORWARDING, {TWO}), "opened in the meantime"
    await loaded.forget_ended(FORWARDING)
    assert len(kernel.scripts) == 2
    kernel.open = {TWO}
    await loaded.forget_ended(FORWARDING)
    assert kernel.scripts[2] == remove_open(FORWARDING, {ONE})
    kernel.open = set()
    for _ in range(3):
        await loaded.forget_ended(FORWARDING)
    assert kernel.scripts[3:] == [remove_open(FORWARDING, {TWO})]


async def test_a_restarted_agent_replaces_what_its_predecessor_recorded(tmp_path: Path) -> None:
    kernel = Kernel()
    await tables(kernel, tmp_path / "record").ensure(FORWARDING, {}, (), ())
    second = tables(kernel, tmp_path / "record")
    await second.ensure(FORWARDING, {}, (), ())
    kernel.open = {TWO}
    await second.forget_ended(FORWARDING)
    assert "flush set" in kernel.scripts[-1] and kernel.scripts[-1].endswith(add_open(FORWARDING, {TWO}))


async def test_connections_are_recorded_when_only_the_ports_change(tmp_path: Path) -> None:
    kernel = Kernel()
    loaded = tables(kernel, tmp_path / "record")
    await loaded.ensure(FORWARDING, {}, (), ())
    await loaded.ensure(Forwarding(FORWARDING.config, tracked=frozenset({80})), {}, (), ())
    assert "flush set" in kernel.scripts[-1] and "add element" in kernel.scripts[-1] and "40001" in kernel.scripts[-1]
