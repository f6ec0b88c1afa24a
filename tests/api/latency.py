"""Measures how soon status shows a move: from the new holder's agent sending its report until a watch shows it as `vipHolder`.

`python -m tests.api.latency` prints the figures as JSON; `test_status_latency.py` checks them. The API server, the operator process
and the agents' class that reports (`KubernetesReporter`) are real; only the nodes are simulated.
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
from tests.api import processes
from tests.api.apiserver import ApiServer
from tests.api.environment import NODES, VIP, Environment, environment
from tests.api.operator_process import operator

TIMEOUT = 10.0
"""Seconds until a move counts as not shown."""
PAIR = ("node1", "node2")
"""The virtual IP moves between these nodes."""
MEASURED: list[str] = []
"""The figures of this test run, for pytest's summary."""


@dataclass(frozen=True)
class Latencies:
    """The measured times of several moves, in milliseconds."""

    milliseconds: tuple[float, ...]
    """From sending the new holder's report until the watch shows the new holder."""
    reports: tuple[float, ...]
    """The part of it until the API server answers the report; the rest is the operator's."""

    def summary(self) -> dict[str, Any]:
        """Median, 95th percentile and maximum of both, and the number of moves."""
        return {**_figures(self.milliseconds), "n": len(self.milliseconds), "report": _figures(self.reports)}


def _figures(milliseconds: Sequence[float]) -> dict[str, float]:
    """The percentile is the nearest rank, which is one of the measured values."""
    ranked = sorted(milliseconds)
    p95 = ranked[max(math.ceil(0.95 * len(ranked)) - 1, 0)]
    return {name: round(value, 1) for name, value in (("median", statistics.median(ranked)), ("p95", p95), ("max", ranked[-1]))}


@dataclass
class Watcher:
    """A watch on one resource, in a thread of its own, that records when each `vipHolder` was first shown."""

    env: Environment
    name: str = "web"
    _shown: list[tuple[float, str]] = field(default_factory=list)
    """Time (monotonic seconds) and holder, for each change of the holder."""
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _ended: str = ""
    """Why the watch ended; empty: it still runs."""

    @contextlib.contextmanager
    def watching(self) -> Iterator["Watcher"]:
        """Watches during the block."""
        version = self.env.get("haclusters", self.name)["metadata"]["resourceVersion"]
        server = self.env.server
        context = ssl.create_default_context(cafile=str(server.ca))
        connection = http.client.HTTPSConnection(server.url.removeprefix("https://"), context=context)
        query = f"?watch=1&fieldSelector=metadata.name={self.name}&resourceVersion={version}"
        connection.request("GET", self.env.path("haclusters") + query, headers={"Authorization": f"Bearer {server.token}"})
        response = connection.getresponse()
        assert response.status == http.client.OK, response.read()
        thread = threading.Thread(target=self._read, args=(response,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            # Shutting the socket down ends the thread. Closing the response would block, because the thread is reading from it.
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(2)
            thread.join(timeout=10)
            connection.close()

    def shown(self, holder: str, since: float) -> float:
        """When the watch first showed `holder` after `since`; both are monotonic seconds.

        Raises:
            AssertionError: not within `TIMEOUT`.

        """
        with self._changed:
            times: list[float] = []

            def shown_or_ended() -> bool:
                times.extend(at for at, shown in self._shown if shown == holder and at >= since)
                return bool(times or self._ended)

            assert self._changed.wait_for(shown_or_ended, timeout=TIMEOUT), f"{holder} is not shown: {self._shown[-3:]}"
            assert times, f"the watch ended: {self._ended}"
            return times[0]

    def _read(self, response: http.client.HTTPResponse) -> None:
        """Runs in the thread until the connection ends."""
        last = None
        try:
            while line := response.readline():
                at = time.monotonic()
                holder = str(json.loads(line)["object"].get("status", {}).get("vipHolder", ""))
                with self._changed:
                    if holder != last:
                        self._shown.append((at, holder))
                    last = holder
                    self._changed.notify_all()
            self._set_ended("by the server")
        except (OSError, ValueError, AttributeError, http.client.HTTPException) as error:
            self._set_ended(repr(error))

    def _set_ended(self, cause: str) -> None:
        with self._changed:
            self._ended = cause
            self._changed.notify_all()


@dataclass(frozen=True)
class Agents:
    """The agents of two nodes, which report with the real agent's class."""

    env: Environment
    reporters: dict[str, KubernetesReporter]
    revisions: dict[str, str]

    async def report(self, name: str, *, holds: bool) -> None:
        """Applies the node's entry of status; `holds`: it has the virtual IP."""
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
            name=self.env.node(name), agent_version="test", routers=(router,), interfaces=interfaces, haproxy=Health.UP,
            apache=Health.UP, config_revision=self.revisions[name], since=at,
        )  # fmt: skip
        await self.reporters[name].apply(entry)


@contextlib.asynccontextmanager
async def agents(env: Environment, account: Path) -> AsyncIterator[Agents]:
    """The agents of both nodes, with open connections; `account` is a folder for the files of a service account."""
    (account / "token").write_text(env.server.token)
    (account / "ca.crt").write_bytes(env.server.ca.read_bytes())
    host, port = env.server.url.removeprefix("https://").split(":")
    server = Server(host, int(port), account)
    reporters = {each: KubernetesReporter(server, "web", env.namespace, env.node(each)) for each in PAIR}
    try:
        yield Agents(env, reporters, {each: env.agent_config(each).revision for each in PAIR})
    finally:
        for reporter in reporters.values():
            await reporter.close()


async def measure_move(pair: Agents, watcher: Watcher, old: str, new: str) -> tuple[float, float]:
    """One move, which both nodes report: milliseconds until the watch shows it, and until the new holder's report is answered."""
    old_report = asyncio.create_task(pair.report(old, holds=False))
    await asyncio.sleep(0.005)
    sent = time.monotonic()
    await pair.report(new, holds=True)
    answered = time.monotonic()
    await old_report
    shown = await asyncio.to_thread(watcher.shown, pair.env.node(new), sent)
    return (shown - sent) * 1000, (answered - sent) * 1000


async def measure_moves(env: Environment, count: int, pause: float) -> Latencies:
    """Moves the virtual IP of the resource `web`, which is Ready, between both nodes; `pause` is in seconds."""
    measured = []
    with TemporaryDirectory(prefix="hacluster-account-") as account, Watcher(env).watching() as watcher:
        async with agents(env, Path(account)) as pair:
            for name in PAIR:
                await pair.report(name, holds=name == PAIR[0])
            for number in range(count):
                await asyncio.sleep(pause)
                old, new = PAIR if number % 2 == 0 else PAIR[::-1]
                measured.append(await measure_move(pair, watcher, old, new))
    return Latencies(tuple(shown for shown, _ in measured), tuple(answered for _, answered in measured))


def measure(server: ApiServer, count: int, pause: float) -> Latencies:
    """Starts the operator, creates a resource, and measures `count` moves with `pause` seconds between them."""
    with environment(server) as env, operator(server, env.namespace):
        env.create()
        env.settle()
        return asyncio.run(measure_moves(env, count, pause))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, and prints the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.api.latency", description=__doc__)
    parser.add_argument("--moves", type=int, default=100)
    parser.add_argument("--pause", type=float, default=0.3, help="seconds between two moves")
    parser.add_argument("--all", action="store_true", help="print every move's milliseconds, too")
    options = parser.parse_args(arguments)
    with processes.run() as server:
        latencies = measure(server, options.moves, options.pause)
    document: dict[str, Any] = latencies.summary()
    if options.all:
        document["milliseconds"] = [round(each, 1) for each in latencies.milliseconds]
    print(json.dumps(document))


if __name__ == "__main__":
    main()
