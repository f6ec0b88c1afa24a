"""The front door as seen from outside the product: kernels of the nodes, a client on the network, kubectl."""

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
"""What the run saw, for its summary."""
PAGE = "<h1>Đây là website từ Node {}</h1>"


@dataclass(frozen=True)
class Front:
    """One cluster with its HACluster in one namespace."""

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

    def holders(self, address: str = VIP) -> list[str]:
        """Nodes whose kernel has the address, whatever anybody reports."""
        found = []
        for node in self.lab.nodes:
            shown = self.lab.on_node(node, "ip", "-o", "address", "show", "to", f"{address}/32", check=False)
            if shown.strip():
                found.append(node)
        return found

    def get(self, url: str, *options: str) -> str:
        return self.lab.client("curl", "-sS", "--max-time", "5", *options, url)

    def ready(self, within: float = 120) -> dict[str, Any]:
        """The status, once the condition Ready holds for the newest generation."""

        def check() -> dict[str, Any]:
            resource = self.resource()
            status: dict[str, Any] = resource.get("status", {})
            ready = [c for c in status.get("conditions", []) if c["type"] == "Ready"]
            said = [f"{c['type']}={c['status']} {c['reason']}: {c.get('message', '')}" for c in status.get("conditions", [])]
            assert ready and ready[0]["status"] == "True", said
            assert status["observedGeneration"] == resource["metadata"]["generation"], said
            return status

        return eventually(check, within=within, every=0.3)

    def held_by(self, node: str, within: float) -> None:
        """The kernel of `node`, and of no other, has the virtual IP, and status says so."""

        def check() -> None:
            assert self.holders() == [node], self.holders()
            assert self.status()["vipHolder"] == node, self.status().get("vipHolder")

        eventually(check, within=within)

    def probe(self, seconds: float, path: str = "/") -> "Probe":
        """Start asking through the virtual IP, a new connection every 10 ms."""
        return Probe(self, seconds, path)

    def process_ids(self, node: str, pattern: str) -> list[str]:
        return self.lab.on_node(node, "pgrep", "-f", pattern, check=False).split()

    def restarts(self) -> dict[str, tuple[str, int]]:
        """For each pod of the data plane: its uid and how often its containers restarted."""
        found = {}
        for pod in [*self.pods("lb"), *self.pods("apache")]:
            status = pod["status"]
            containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
            found[pod["metadata"]["name"]] = (pod["metadata"]["uid"], sum(each["restartCount"] for each in containers))
        return found


class Probe:
    """A client in the background, to be used with `with`; `result()` waits for it."""

    def __init__(self, front: Front, seconds: float, path: str) -> None:
        self.process = front.lab.client_spawn("python3", "-c", PROBE, VIP, "80", path, str(seconds), "0.01", "0.2")
        self.seconds = seconds
        self.started = time.monotonic()

    def __enter__(self) -> "Probe":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left behind, whatever became of the test; the client itself stops after its time."""
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
    """Remember a figure; the run's summary prints it."""
    MEASURED.append(text)


def resident_megabytes(lab: Lab, node: str, pattern: str) -> list[float]:
    """Resident memory of each process on the node whose command line matches."""
    script = f"for p in $(pgrep -f '{pattern}'); do awk '/^VmRSS/ {{print $2}}' /proc/$p/status; done"
    return [int(each) / 1024 for each in lab.on_node(node, "sh", "-c", script).split()]
