"""Which servers of lost nodes leave HAProxy's rotation. HAProxy and the probes are replaced; tests/daemons has the real ones."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from hacluster.agent.haproxy import endpoint_probes, lost_servers
from hacluster.agent.haproxy.endpoint_lines import EndpointLines
from hacluster.agent.haproxy.lost_servers import LostServers
from hacluster.agent.paths import Paths
from hacluster.agent.services.view import ServiceView, Slice, SliceEndpoint
from hacluster.agent.state import AgentState
from hacluster.nodeconfig import AgentConfig, Service
from tests.waiting import eventually_async

SHOP = Service(name="shop", port=80, field="spec.haproxy.listeners[1].backend.service", words="check inter 5s")
CONFIG = AgentConfig(
    cluster="web",
    namespace="default",
    node="node1",
    revision="r1",
    peers={"node2": ("10.0.0.2",), "node3": ("10.0.0.3",)},
    backends=("web",),
    services={"shop": SHOP},
    listeners={"web": 80, "shop": 81, "own": 82},
)


def view(**nodes: str) -> Mapping[str, ServiceView]:
    """The Service with the endpoints 10.1.0.1, … on port 8080; `a="node1"` is the first one."""
    some = (
        SliceEndpoint(address=f"10.1.0.{ord(each) - 96}", ready=True, serving=True, node=node) for each, node in nodes.items()
    )
    return {"shop": ServiceView(ports={80: "http"}, slices=(Slice(ip_version=4, ports={"http": 8080}, endpoints=tuple(some)),))}


class Front:
    """HAProxy, the probes, and what is tested."""

    def __init__(self, folder: Path) -> None:
        self.paths, self.state = Paths(run=folder), AgentState()
        self.servers = LostServers(self.paths, self.state, EndpointLines(self.state))
        self.status = {"web/node1": "UP", "web/node2": "UP", "web/node3": "UP"}
        self.status |= {f"shop/10.1.0.{number}:8080": "UP" for number in (1, 2, 3)}
        self.addresses = {"web/node2": "10.0.0.2:8080", "shop/10.1.0.2:8080": "10.1.0.2:8080"}
        self.answering = set[str]()
        self.asked = list[str]()
        self.received = list[str]()
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """As HAProxy does."""
        self.connections += 1
        command = (await reader.readline()).decode().strip()
        if command.startswith("show stat"):
            rows = (
                f"{place.replace('/', ',')},{status},{self.addresses.get(place, '')},{place.startswith('own/backup'):d},"
                for place, status in self.status.items()
            )
            writer.write("\n".join(("# pxname,svname,status,addr,bck,", *rows, "")).encode())
        else:
            self.received += command.split(";")
            self.status |= {each.split()[2]: "DOWN" for each in command.split(";") if each.endswith("health down")}
        writer.close()
        await writer.wait_closed()
        self.connections -= 1

    async def answers(self, address: str, _: int) -> bool:
        """In place of the network."""
        self.asked.append(address)
        return address in self.answering

    def lose(self, *nodes: str) -> None:
        """These nodes, and no others, are lost."""
        self.servers.update(doubted=frozenset(), lost=frozenset(nodes))

    def down(self) -> set[str]:
        """What was taken down."""
        return {each.split()[2] for each in self.received if each.endswith("health down")}


@pytest.fixture
async def front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Front]:
    """Three Apaches, and a Service with an endpoint on each node."""
    made = Front(tmp_path)
    monkeypatch.setattr(endpoint_probes, "answers", made.answers)
    monkeypatch.setattr(lost_servers, "_REPEAT", 0.05)
    monkeypatch.setattr(lost_servers, "_GRACE", 0.3)
    made.state.update(installed=CONFIG, services=view(a="node1", b="node2", c="node3"))
    server = await asyncio.start_unix_server(made.serve, made.paths.haproxy_admin)
    task = asyncio.create_task(made.servers.run())
    yield made
    made.lose()
    await asyncio.sleep(0.1)  # one more round may have begun
    task.cancel()
    await eventually_async(lambda: not made.connections)
    server.close()


def changed(state: AgentState, **changes: Any) -> None:
    """Another Service."""
    installed = state.now.installed
    assert installed
    state.update(installed=installed.model_copy(update={"services": {"shop": SHOP.model_copy(update=changes)}}))


async def test_apache_and_endpoints_of_a_lost_node_leave_together_and_their_sessions_end_later(front: Front) -> None:
    front.lose("node2")
    await eventually_async(lambda: front.down() == {"web/node2", "shop/10.1.0.2:8080"})
    assert not any(each.startswith("shutdown") for each in front.received)
    ended = {"shutdown sessions server web/node2", "shutdown sessions server shop/10.1.0.2:8080"}
    await eventually_async(lambda: ended <= set(front.received))
    assert set(front.asked) == {"10.1.0.2"}, "no other endpoint is disturbed"


async def test_a_lost_node_that_is_back_is_left_to_the_checks_and_is_taken_out_again_when_it_is_lost_again(front: Front) -> None:
    front.lose("node2")
    await eventually_async(lambda: "shop/10.1.0.2:8080" in front.down())
    front.lose()
    front.received.clear()
    front.status["shop/10.1.0.2:8080"] = "UP"
    await asyncio.sleep(0.3)
    assert not front.received
    front.lose("node2")
    await eventually_async(lambda: "shop/10.1.0.2:8080" in front.down())


async def test_an_endpoint_that_answers_stays_and_keeps_its_sessions(front: Front) -> None:
    """The node is silent on the network on which it is asked, and its pods are reached over another one."""
    front.answering = {"10.1.0.2"}
    front.lose("node2")
    await eventually_async(lambda: "web/node2" in front.down())
    front.status["shop/10.1.0.2:8080"] = "DOWN"  # by HAProxy's check: the pod is down, its address is not
    await asyncio.sleep(0.5)
    assert not any("10.1.0.2" in each for each in front.received)
    assert len(front.asked) == 1, "it is not disturbed all the time"


async def test_the_last_endpoint_that_is_up_stays(front: Front) -> None:
    front.status["shop/10.1.0.1:8080"] = "DOWN 1/2"
    front.lose("node2", "node3")
    await eventually_async(lambda: front.down() == {"web/node2", "web/node3"})
    await asyncio.sleep(0.2)
    assert not any("shop" in each for each in front.received)


async def test_an_endpoint_whose_node_is_not_known_is_left_to_the_checks(front: Front) -> None:
    front.state.update(services=view(a="node1", b="", c="elsewhere"))
    front.lose("node2", "node3")
    await eventually_async(lambda: "web/node2" in front.down())
    await asyncio.sleep(0.2)
    assert not front.asked and not any("shop" in each for each in front.received)


async def test_an_endpoint_that_moved_to_another_node_is_no_longer_lost(front: Front) -> None:
    front.lose("node2")
    await eventually_async(lambda: "shop/10.1.0.2:8080" in front.down())
    front.received.clear()
    front.state.update(services=view(a="node1", b="node3", c="node3"))
    front.status["shop/10.1.0.2:8080"] = "UP"
    await asyncio.sleep(0.5)
    assert not any("shop" in each for each in front.received), "neither taken down nor its sessions ended"


async def test_an_endpoint_that_appears_on_a_lost_node_is_taken_down_at_once(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_servers, "_REPEAT", 60)
    front.lose("node2")
    await eventually_async(lambda: "shop/10.1.0.2:8080" in front.down())
    front.status["shop/10.1.0.4:8080"] = "UP"
    front.state.update(services=view(a="node1", b="node2", c="node3", d="node2"))
    front.servers.check_now()
    await eventually_async(lambda: "shop/10.1.0.4:8080" in front.down())


async def test_endpoints_of_a_doubted_node_are_asked_before_it_counts_as_lost(front: Front) -> None:
    front.servers.update(doubted=frozenset({"node2"}), lost=frozenset())
    await eventually_async(lambda: front.asked == ["10.1.0.2"])
    assert not front.received
    front.servers.update(doubted=frozenset(), lost=frozenset({"node2"}))
    await eventually_async(lambda: "shop/10.1.0.2:8080" in front.down())
    assert front.asked == ["10.1.0.2"]


async def test_own_servers_with_an_address_of_a_lost_node_leave_unless_they_answer(front: Front) -> None:
    front.status |= dict.fromkeys(("own/api1", "own/api2", "own/api3", "own/far"), "UP")
    front.addresses |= {
        "own/api1": "10.0.0.1:6443",
        "own/api2": "10.0.0.2:6443",
        "own/api3": "10.0.0.3:6443",
        "own/far": "10.9.0.9:1",
    }
    front.answering = {"10.0.0.3"}
    front.lose("node2", "node3")
    await eventually_async(lambda: "own/api2" in front.down())
    await asyncio.sleep(0.2)
    assert not {"own/api1", "own/api3", "own/far"} & front.down()
    assert {"web/node2", "web/node3"} <= front.down(), "Apache's own address is the one that is asked"


async def test_backups_among_own_servers_do_not_get_the_work_of_a_lost_node_before_haproxys_checks_say_so(front: Front) -> None:
    front.status |= dict.fromkeys(("own/db", "own/backup1", "own/backup2"), "UP")
    front.addresses |= {"own/db": "10.0.0.2:5432", "own/backup1": "10.0.0.1:5432", "own/backup2": "10.0.0.2:5433"}
    front.lose("node2")
    await eventually_async(lambda: "web/node2" in front.down())
    await asyncio.sleep(0.2)
    assert not any("own/" in each for each in front.received)


async def test_an_answer_from_before_the_loss_does_not_count(front: Front) -> None:
    front.answering = {"10.1.0.2"}
    front.servers.update(doubted=frozenset({"node2"}), lost=frozenset())
    await eventually_async(lambda: front.asked == ["10.1.0.2"])
    await asyncio.sleep(0.01)
    front.answering.clear()
    front.servers.update(doubted=frozenset(), lost=frozenset({"node2"}))
    await eventually_async(lambda: "shop/10.1.0.2:8080" in front.down(), within=2)


async def test_pods_of_this_node_come_first_and_the_others_leave_all_the_same(front: Front) -> None:
    changed(front.state, local_to="node1")
    front.lose("node2")
    await eventually_async(lambda: "shop/10.1.0.2:8080" in front.down())
