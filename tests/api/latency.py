"""How soon status tells of a move: from a new holder's report being sent to a watch showing it as `vipHolder`.

`python -m tests.api.latency` prints the figures as JSON. Everything is real but the nodes: API server, operator process,
and the agents' own way of reporting.
"""

import argparse
import asyncio
import contextlib
import http.client
import json
import math
import ssl
import statistics
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hacluster.agent.status.kube import KubernetesReporter, Server
from hacluster.agent.system.clock import system_clock
from hacluster.api.status import Health, InterfaceStatus, NodeStatus, RouterStatus, VrrpState
from hacluster.timestamps import format_timestamp
from tests.api import apiserver
from tests.api.apiserver import ApiServer
from tests.api.environment import NODES, VIP, World, operator, world

WITHIN = 10.0
PAIR = ("node1", "node2")
MEASURED: list[str] = []
"""What a run of the tests saw, for its summary."""


@dataclass(frozen=True)
class Latencies:
    """Milliseconds of each move; `reports` of them are the API server's own answer to the new holder's report."""

    milliseconds: tuple[float, ...]
    reports: tuple[float, ...]

    def summary(self) -> dict[str, Any]:
        """Median, 95th percentile and maximum in milliseconds, the number of moves, and the reports' share as a yardstick."""
        return {**_figures(self.milliseconds), "n": len(self.milliseconds), "report": _figures(self.reports)}


def _figures(milliseconds: Sequence[float]) -> dict[str, float]:
    """The percentile is by nearest rank, so that it is one of the measured values."""
    ranked = sorted(milliseconds)
    p95 = ranked[max(math.ceil(0.95 * len(ranked)) - 1, 0)]
    return {name: round(value, 1) for name, value in (("median", statistics.median(ranked)), ("p95", p95), ("max", ranked[-1]))}


@dataclass
class Watcher:
    """A watch on one resource, in a thread of its own: when each `vipHolder` was first shown."""

    here: World
    name: str = "web"
    _shown: list[tuple[float, str]] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition)
    _ended: str = ""

    @contextlib.contextmanager
    def watching(self) -> Iterator["Watcher"]:
        """Watches as long as the block lasts."""
        version = self.here.get("haclusters", self.name)["metadata"]["resourceVersion"]
        server = self.here.server
        context = ssl.create_default_context(cafile=str(server.ca))
        connection = http.client.HTTPSConnection(server.url.removeprefix("https://"), context=context)
        query = f"?watch=1&fieldSelector=metadata.name={self.name}&resourceVersion={version}"
        connection.request("GET", self.here.path("haclusters") + query, headers={"Authorization": f"Bearer {server.token}"})
        answer = connection.getresponse()
        assert answer.status == http.client.OK, answer.read()
        thread = threading.Thread(target=self._read, args=(answer,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            # The reading thread ends with the connection; closing the file under it would wait for it.
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(2)
            thread.join(timeout=10)
            connection.close()

    def shown(self, holder: str, since: float) -> float:
        """When the watch first showed `holder` after `since`.

        Raises:
            AssertionError: not within ten seconds.
        """
        with self._news:
            found: list[float] = []

            def come() -> bool:
                found.extend(at for at, who in self._shown if who == holder and at >= since)
                return bool(found or self._ended)

            assert self._news.wait_for(come, timeout=WITHIN), f"{holder} is not shown: {self._shown[-3:]}"
            assert found, f"the watch ended: {self._ended}"
            return found[0]

    def _read(self, answer: http.client.HTTPResponse) -> None:
        last = None
        try:
            while line := answer.readline():
                at = time.monotonic()
                holder = str(json.loads(line)["object"].get("status", {}).get("vipHolder", ""))
                with self._news:
                    if holder != last:
                        self._shown.append((at, holder))
                    last = holder
                    self._news.notify_all()
            self._end("by the server")
        except (OSError, ValueError, AttributeError, http.client.HTTPException) as error:
            self._end(repr(error))

    def _end(self, why: str) -> None:
        with self._news:
            self._ended = why
            self._news.notify_all()


@dataclass(frozen=True)
class Agents:
    """Two nodes' agents, reporting as the real one does and over its kind of connection."""

    here: World
    reporters: dict[str, KubernetesReporter]
    revisions: dict[str, str]

    async def says(self, name: str, *, holds: bool) -> None:
        """The node's entry, applied."""
        at = format_timestamp(system_clock())
        router = RouterStatus(
            name="VI_1", state=VrrpState.MASTER if holds else VrrpState.BACKUP, priority=250 if name == "node1" else 240,
            interface="ens3", virtual_ips=(VIP,) if holds else (), since=at, takeover_milliseconds=300 if holds else None,
        )  # fmt: skip
        public, private = NODES[name]
        interfaces = (
            InterfaceStatus(name="ens3", addresses=(f"{public}/24",)),
            InterfaceStatus(name="eth0", addresses=(f"{private}/24",)),
        )
        entry = NodeStatus(
            name=self.here.node(name), agent_version="test", routers=(router,), interfaces=interfaces, haproxy=Health.UP,
            apache=Health.UP, config_revision=self.revisions[name], since=at,
        )  # fmt: skip
        await self.reporters[name].apply(entry)


@contextlib.asynccontextmanager
async def agents(here: World, account: Path) -> AsyncIterator[Agents]:
    """The agents of both nodes, with their connections warm."""
    (account / "token").write_text(here.server.token)
    (account / "ca.crt").write_bytes(here.server.ca.read_bytes())
    host, port = here.server.url.removeprefix("https://").split(":")
    server = Server(host, int(port), account)
    made = {each: KubernetesReporter(server, "web", here.namespace, here.node(each), system_clock) for each in PAIR}
    try:
        for reporter in made.values():
            await reporter.renew_lease()
        yield Agents(here, made, {each: here.orders(each).revision for each in PAIR})
    finally:
        for reporter in made.values():
            await reporter.close()


async def move(team: Agents, watcher: Watcher, old: str, new: str) -> tuple[float, float]:
    """One move, told by both nodes as it happens: the milliseconds until the watch shows it, and until the report is taken."""
    leaving = asyncio.create_task(team.says(old, holds=False))
    await asyncio.sleep(0.005)
    sent = time.monotonic()
    await team.says(new, holds=True)
    taken = time.monotonic()
    await leaving
    shown = await asyncio.to_thread(watcher.shown, team.here.node(new), sent)
    return (shown - sent) * 1000, (taken - sent) * 1000


async def moves(here: World, count: int, pause: float) -> Latencies:
    """Moves the virtual IP of the settled resource `web` to and fro."""
    measured = []
    with TemporaryDirectory(prefix="hacluster-account-") as account, Watcher(here).watching() as watcher:
        async with agents(here, Path(account)) as team:
            for name in PAIR:
                await team.says(name, holds=name == PAIR[0])
            for number in range(count):
                await asyncio.sleep(pause)
                old, new = PAIR if number % 2 == 0 else PAIR[::-1]
                measured.append(await move(team, watcher, old, new))
    return Latencies(tuple(shown for shown, _ in measured), tuple(taken for _, taken in measured))


def measure(server: ApiServer, count: int, pause: float) -> Latencies:
    """`count` moves of a resource of its own, `pause` seconds between them, with the operator as a process of its own."""
    with world(server) as here, operator(server, here.namespace):
        here.create()
        here.settle()
        return asyncio.run(moves(here, count, pause))


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.api.latency", description=__doc__)
    parser.add_argument("--moves", type=int, default=100)
    parser.add_argument("--pause", type=float, default=0.3, help="seconds between two moves")
    parser.add_argument("--all", action="store_true", help="print every move's milliseconds, too")
    options = parser.parse_args(arguments)
    with apiserver.run() as server:
        latencies = measure(server, options.moves, options.pause)
    document: dict[str, Any] = latencies.summary()
    if options.all:
        document["milliseconds"] = [round(each, 1) for each in latencies.milliseconds]
    print(json.dumps(document))


if __name__ == "__main__":
    main()
