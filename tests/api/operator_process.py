"""Runs `hacluster operator` as a process of its own, against the test's API server."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hack.generate import NAMESPACE
from tests.api.apiserver import ApiServer
from tests.api.environment import timestamp
from tests.waiting import eventually

COMMAND = (str(Path(sys.executable).parent / "hacluster"),)
"""The command line that is installed beside this Python."""


@dataclass
class OperatorProcess:
    """`hacluster operator` as a process of its own."""

    process: subprocess.Popen[bytes]
    log: Path

    def text(self) -> str:
        """Its log so far."""
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        """Sends SIGKILL, as the kernel does when memory runs out."""
        self.process.kill()
        self.process.wait(timeout=10)

    def terminate(self) -> int:
        """Sends SIGTERM, as the kubelet does, and returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)

    def memory(self) -> float:
        """Resident memory in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


@contextmanager
def operator(
    server: ApiServer, namespace: str = "", *, kubeconfig: Path | None = None, ready: bool = True, **environment: str
) -> Iterator[OperatorProcess]:
    """Runs the operator during the block. `namespace` is the one that it watches, empty: all.

    `environment` are variables for it. With `ready=False` the block does not wait until the operator watches.

    Raises:
        AssertionError: the operator does not become ready, ends by itself, or logs a traceback.

    """
    log = server.directory / f"operator-{timestamp()}.log"
    variables = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("HACLUSTER_", "KUBERNETES_"))},
        "KUBECONFIG": str(kubeconfig or server.kubeconfig),
        "HACLUSTER_NODE_IMAGE": "node:test",
        "HACLUSTER_WATCH_NAMESPACE": namespace,
        "HACLUSTER_LIVENESS_PORT": "0",
        # A service account of manifests/ has rights on Leases in its own namespace only.
        "HACLUSTER_LEASE_NAMESPACE": NAMESPACE if kubeconfig else "default",
        "HACLUSTER_IDENTITY": "operator",  # as a restarted container in its pod: it need not wait for its own Lease
        **environment,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *COMMAND, "operator"],
            env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    running = OperatorProcess(process, log)

    def started() -> None:
        assert process.poll() is None, f"the operator ended:\n{running.text()}"
        assert "ready: watching" in running.text(), f"the operator is not ready:\n{running.text()}"

    try:
        if ready:
            eventually(started, within=30)
        yield running
        assert process.poll() in (None, 0, -signal.SIGKILL), f"the operator ended with {process.poll()}:\n{running.text()}"
        assert "Traceback" not in running.text(), running.text()
    except BaseException:
        print(f"── the operator's log ──\n{running.text()[-6000:]}")
        raise
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=10)
