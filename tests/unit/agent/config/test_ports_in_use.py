"""Whose the ports are on which somebody listens: this pod's daemons' or another program's."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from hacluster import names
from hacluster.agent.config import ports_in_use as module
from hacluster.agent.config.ports_in_use import others_serve, ports_in_use
from hacluster.agent.paths import Paths
from hacluster.agent.system.tcp_sockets import Listener
from hacluster.nodeconfig import AgentConfig, File, Port

ANYWHERE = ip_address("0.0.0.0")
SYSLOG = Listener(ip_address("127.0.0.1"), 514, "UDP")


def config(*ports: int, syslog: int = 0) -> AgentConfig:
    other = [Port(port=syslog, field="spec.haproxy.log.port", address="127.0.0.1", protocol="UDP")] if syslog else []
    return AgentConfig(
        cluster="web",
        namespace="default",
        node="node1",
        revision="r1",
        ports=tuple(Port(port=each, field=f"port {each}") for each in ports),
        other_ports=tuple(other),
    )


def test_another_pods_daemons_run_where_the_ports_of_the_offered_files_are_in_use_before_the_own_daemons_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, listeners = Paths(tmp_path / "run", tmp_path / "config"), {Listener(ANYWHERE, 80)}
    monkeypatch.setattr(module, "read_listeners", lambda: listeners)
    paths.run.mkdir()
    paths.config.mkdir()
    assert not others_serve(paths, "node1"), "nothing is offered"
    (paths.config / names.key("node1", File.AGENT)).write_text("broken")
    assert not others_serve(paths, "node1")
    offer(paths.config, 81)
    assert not others_serve(paths, "node1"), "another port"
    offer(paths.config, 80)
    assert others_serve(paths, "node1")
    paths.ready.touch()
    assert not others_serve(paths, "node1"), "these are its own"


def offer(folder: Path, port: int) -> None:
    for file in File:
        (folder / names.key("node1", file)).write_text(config(port).model_dump_json() if file is File.AGENT else "text")


async def test_haproxy_is_asked_only_where_a_port_seems_to_be_in_use() -> None:
    async def never() -> tuple[Port, ...]:
        raise AssertionError("asked")

    good = config(80)
    assert not await ports_in_use(config(80, 81), good, good, never, {Listener(ANYWHERE, 80)})
    (problem,) = await ports_in_use(config(80), None, None, never, {Listener(ANYWHERE, 80)})
    assert problem.reason == "PortInUse" and "port 80" in problem.message, "before its start HAProxy has none"


async def test_a_port_in_use_leaves_the_ports_of_the_good_configuration_to_its_daemons() -> None:
    """HAProxy is not the only daemon: it does not know the port of rsyslog."""

    async def loaded() -> tuple[Port, ...]:
        return (Port(port=80, field=""),)

    good = config(80, syslog=514)
    problems = await ports_in_use(config(80, 81, syslog=514), good, None, loaded, {Listener(ANYWHERE, 81), SYSLOG})
    assert ["port 81" in each.message for each in problems] == [True]


async def test_rsyslog_listens_on_its_new_port_as_soon_as_its_file_is_there() -> None:
    async def loaded() -> tuple[Port, ...]:
        return (Port(port=80, field=""),)

    new = config(80, syslog=514)
    assert not await ports_in_use(new, config(80), new, loaded, {SYSLOG})
    assert await ports_in_use(new, config(80), config(80), loaded, {SYSLOG}), "without that file it is another program"
