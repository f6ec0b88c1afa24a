"""`Front`: one HACluster in a cluster, observed by kubectl, the nodes' kernels, and a client on the public network.

Nothing here imports the product: what it reports about itself is read from the API only.
"""

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster import Lab
from tests.waiting import eventually

PROBE = (Path(__file__).parent.parent / "probe.py").read_text()
SAMPLES = Path(__file__).parents[2] / "manifests" / "samples"
VIP = "172.16.7.200"
LABEL = "hacluster.dev/cluster=web"
MEASURED: list[str] = []
"""Lines for the summary at the end of the run; `measured` appends to it."""
NEEDS_NO_REAL_TIME = 150
"""Milliseconds: a node says whether it has real-time scheduling where the resource asks for a shorter advertisement interval. Where one
lacks it, all use this one."""
PAGE = "<h1>Đây là website từ Node {}</h1>"


@dataclass(frozen=True)
class Front:
    """One HACluster by namespace and name, in a lab."""

    lab: Lab
    namespace: str
    name: str

    def kubectl(self, *args: str, stdin: str | None = None, check: bool = True) -> str:
        return self.lab.kubectl("-n", self.namespace, *args, input=stdin, check=check)

    def resource(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.kubectl("get", "hac", self.name, "-o", "json"))
        return document

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = self.resource().get("status", {})
        return status

    def condition(self, kind: str) -> dict[str, Any]:
        found = [each for each in self.status().get("conditions", []) if each["type"] == kind]
        return found[0] if found else {"status": "Unknown", "reason": "Absent", "message": ""}

    def pods(self, component: str) -> list[dict[str, Any]]:
        selector = f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component={component}"
        items: list[dict[str, Any]] = json.loads(self.kubectl("get", "pods", "-l", selector, "-o", "json"))["items"]
        return items

    def events(self) -> list[str]:
        """The notes of the resource's Events, in no order. They stay where the status has gone on to a later state."""
        uid = self.resource()["metadata"]["uid"]
        items = json.loads(self.kubectl("get", "events.v1.events.k8s.io", "-o", "json"))["items"]
        return [each.get("note", "") for each in items if each.get("regarding", {}).get("uid") == uid]

    def holders(self, address: str = VIP) -> list[str]:
        """Nodes whose kernel has the address, whatever the status says."""
        found = []
        for node in self.lab.nodes:
            shown = self.lab.on_node(node, "ip", "-o", "address", "show", "to", f"{address}/32", check=False)
            if shown.strip():
                found.append(node)
        return found

    def get(self, url: str, *options: str) -> str:
        return self.lab.client("curl", "-sS", "--max-time", "5", *options, url)

    def ready(self, within: float = 120) -> dict[str, Any]:
        """Waits until the condition Ready is True for the newest generation, and the advertisement interval is the one that the nodes can
        keep; returns the status. `within` are seconds.
        """

        def check() -> dict[str, Any]:
            resource = self.resource()
            status: dict[str, Any] = resource.get("status", {})
            ready = [c for c in status.get("conditions", []) if c["type"] == "Ready"]
            shown = [f"{c['type']}={c['status']} {c['reason']}: {c.get('message', '')}" for c in status.get("conditions", [])]
            assert ready and ready[0]["status"] == "True", shown
            assert status["observedGeneration"] == resource["metadata"]["generation"], shown
            real_time = [each.get("realTime") for each in status["nodes"]]
            interval = status["advertisementIntervalMilliseconds"]
            assert (interval >= NEEDS_NO_REAL_TIME) is not all(real_time), (interval, real_time)
            return status

        return eventually(check, within=within, every=0.3)

    def held_by(self, node: str, within: float) -> None:
        """Waits until the kernel of `node`, and no other, has the virtual IP, and status says so. `within` are seconds."""

        def check() -> None:
            assert self.holders() == [node], self.holders()
            assert self.status()["vipHolder"] == node, self.status().get("vipHolder")

        eventually(check, within=within)

    def all_serve(self, within: float = 30) -> None:
        """Waits until three requests in a row are answered by three nodes: HAProxy uses a new server once its checks have passed."""

        def check() -> None:
            pages = {self.get(f"http://{VIP}/") for _ in range(3)}
            assert len(pages) == 3, pages

        eventually(check, within=within, every=0.3)

    def probe(self, seconds: float, path: str = "/") -> "Probe":
        """Starts a client that sends a request to the virtual IP every 10 ms for so many seconds."""
        return Probe(self, seconds, path)

    def process_ids(self, node: str, pattern: str) -> list[str]:
        return self.lab.on_node(node, "pgrep", "-f", pattern, check=False).split()

    def restarts(self) -> dict[str, tuple[str, int]]:
        """For each pod of the data plane: its uid, and the sum of its containers' restarts."""
        counts = {}
        for pod in [*self.pods("lb"), *self.pods("apache")]:
            status = pod["status"]
            containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
            counts[pod["metadata"]["name"]] = (pod["metadata"]["uid"], sum(each["restartCount"] for each in containers))
        return counts


class Probe:
    """The client of `tests/probe.py` in the background, a context manager; `result()` waits for its report."""

    def __init__(self, front: Front, seconds: float, path: str) -> None:
        self.process = front.lab.client_spawn("python3", "-c", PROBE, VIP, "80", path, str(seconds), "0.01", "0.2")
        self.seconds = seconds
        self.started = time.monotonic()

    def __enter__(self) -> "Probe":
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the local process if the test failed; the client on the lab's host ends by itself after its time."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def result(self) -> dict[str, Any]:
        out, err = self.process.communicate(timeout=self.seconds + 60)
        match = re.search(r"\{.*\}", out or "", re.DOTALL)
        assert match, (out, err)
        report: dict[str, Any] = json.loads(match.group())
        return report


def measured(text: str) -> None:
    """Adds a line with a figure to the summary of the run."""
    MEASURED.append(text)


def resident_megabytes(lab: Lab, node: str, pattern: str) -> list[float]:
    """Resident memory, in MiB, of each process on the node whose command line matches the pattern."""
    script = f"for p in $(pgrep -f '{pattern}'); do awk '/^VmRSS/ {{print $2}}' /proc/$p/status; done"
    return [int(each) / 1024 for each in lab.on_node(node, "sh", "-c", script).split()]
