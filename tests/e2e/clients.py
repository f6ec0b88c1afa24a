"""The rehearsal's two clients on the cluster's public network: one that remembers the virtual IP's node, and one that asks each time.

They run in the network namespaces of two of the lab's containers, with this machine's Python, so that times and records need no copying.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hacluster.rehearse.measure import LATE, Records, Request, longest_gap, parse_records
from tests.cluster import Lab
from tests.e2e.front import VIP, measured
from tests.e2e.hung_requests import traces
from tests.stalls import watched_stalls
from tests.waiting import eventually

INTERVAL = 0.01
"""Seconds between two requests of each client."""


@dataclass(frozen=True)
class Seen:
    """What the clients recorded; empty while they run."""

    client: Records
    newcomer: Records
    stall: float
    """Seconds for which this machine let a process wait, at most (`tests/stalls.py`)."""

    @property
    def failed(self) -> list[Request]:
        """The requests of both that were not answered."""
        return [each for records in (self.client, self.newcomer) for each in records.requests if not each.answered]


@contextmanager
def both_clients(lab: Lab, what: str, long_lived: int = 0) -> Iterator[list[Seen]]:
    """Both run while the block does; then what they saw is appended to the list, and a line with the figures to the summary of the run.

    `long_lived`: connections of the first client that stay open. It needs root, and an engine whose containers run on this machine.
    """
    seen: list[Seen] = []
    with tempfile.TemporaryDirectory() as folder:
        files = {"client": Path(folder, "client"), "newcomer": Path(folder, "newcomer")}
        with ExitStack() as running:
            for name, file in files.items():
                running.enter_context(_client(lab, name, file, long_lived if name == "client" else 0))
            for file in files.values():
                eventually(lambda file=file: _has_started(file), within=20)  # type: ignore[misc]
            stall = running.enter_context(watched_stalls())
            yield seen
            time.sleep(1)  # the last requests get their answers
        client, newcomer = (parse_records(file.read_text().splitlines()) for file in files.values())
        seen.append(Seen(client, newcomer, stall.longest))
    measured(f"{what}: {describe(seen[0], long_lived)}")
    for line in logged(lab, seen[0].failed[:5]):
        measured(f"{what}: {line}")


def logged(lab: Lab, failed: list[Request]) -> list[str]:
    """Each request that failed, with what the HAProxy of any node has logged about it: nothing, where none accepted it, or it still waits
    for a server. Then, for those that were accepted and not answered, what the nodes know of them.
    """
    if not failed:
        return []
    ports = [port[1] if (port := re.search(r"port_(\d+)", each.detail)) else "none" for each in failed]
    hung = [port for port, each in zip(ports, failed, strict=True) if "no_answer" in each.detail]
    command = ["logs", "-l", "app.kubernetes.io/component=lb", "-c", "haproxy", "--prefix", "--tail=-1", "--since=10m"]
    lines = lab.kubectl(*command, check=False).splitlines()
    found = {port: [line for line in lines if f":{port} [" in line][-3:] for port in ports}  # clients use a port again
    logs = [f"{each}; in a log: {found[port]}" for port, each in zip(ports, failed, strict=True)]
    return logs + (traces(lab, hung) if hung else [])


@contextmanager
def _client(lab: Lab, name: str, file: Path, long_lived: int) -> Iterator[None]:
    program = [sys.executable, "-m", "hacluster.rehearse.client", VIP, "80", str(INTERVAL), str(long_lived), str(file)]
    command = ["nsenter", "--target", str(lab.pid(name)), "--net", "--", "timeout", "600", *program]
    process = subprocess.Popen([*command, *(["newcomer"] if name == "newcomer" else [])], env=dict(os.environ))
    try:
        yield
    finally:
        process.terminate()  # timeout(1) passes the signal on
        process.wait(30)


def _has_started(file: Path) -> None:
    """Raises AssertionError until the client has recorded some answers."""
    assert file.exists() and file.read_text().count("\nr ") > 10


def describe(seen: Seen, long_lived: int) -> str:
    """One line: failed requests, gaps of both clients, broken connections, and the machine's longest stall."""
    texts = []
    for name, records in (("client", seen.client), ("newcomer", seen.newcomer)):
        failed = sum(not each.answered for each in records.requests)
        late = [each.latency for each in records.requests if each.answered and each.latency > LATE]
        slowest = f" ({1000 * max(late):.0f} ms at most)" if late else ""
        gap = 1000 * longest_gap(records.requests, INTERVAL)
        texts.append(
            f"{name} {failed} of {len(records.requests)} requests failed, {len(late)} late{slowest}, longest gap {gap:.0f} ms"
        )
    if long_lived:
        texts.append(f"{len(seen.client.broken)} of {long_lived} connections broke in {seen.client.exchanges} exchanges")
    return "; ".join([*texts, f"longest stall of this machine {1000 * seen.stall:.0f} ms"])
