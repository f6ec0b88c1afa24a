"""Makes hosts of Linux namespaces, and runs commands and daemons on them.

A `Host` has its own network, mounts, processes, host name and IPC (unshare(1)); commands enter it with nsenter(1). Its `/run`,
`/var/log` and `/etc` are private, the rest of the file system is the machine's. All of it ends when this process ends, also by
SIGKILL, because `unshare` and the host's first process have a parent-death signal (PR_SET_PDEATHSIG in prctl(2)).
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from hacluster.agent.system.processes import children, start_time

_DEADLINE: Final = 20.0
_CLONE_NEWNET: Final = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)

# Mounts private directories, reports with the file `.up`, and stays as the host's process 1: the waiting shell reaps orphans.
_INIT: Final = """
set -e
hostname "$1"
mount -t tmpfs -o mode=755 rehearsal /run
mount -t tmpfs -o mode=755 rehearsal /var/log
mkdir -p /run/hacluster /run/overlay/upper /run/overlay/work
mount -t overlay -o lowerdir=/etc,upperdir=/run/overlay/upper,workdir=/run/overlay/work overlay /etc
mkdir -p /etc/hacluster/config
mount --bind "$2/run" /run/hacluster
mount --bind "$2/config" /etc/hacluster/config
mount -o remount,rw /proc/sys 2>/dev/null || true
touch /run/hacluster/.up
while :; do sleep 1000000; done
"""


class HostFailed(Exception):
    """A host did not come up, or a command on it failed; the message has what was printed."""


@dataclass(frozen=True)
class Daemon:
    """A process that runs on a host.

    `process` is the nsenter that started it; `pid` is its own number in the machine's PID namespace, not in the host's.
    """

    process: subprocess.Popen[bytes]
    pid: int

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self.process.poll() is not None

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Sends a signal to the process and all its descendants, children first.

        A child that outlives its parent might shut down in order: keepalived's would still send priority 0.
        """
        for pid in reversed(process_tree(self.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if number in {signal.SIGKILL, signal.SIGCONT}:  # nsenter stops itself when its child is stopped
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGCONT)

    def terminate(self, within: float) -> None:
        """Sends SIGTERM to the process itself; when it has ended, or after `within` seconds, SIGKILL to it and its descendants.

        A container runtime kills what is left of a container as well: no worker may serve on with an old configuration.
        """
        descendants = {pid: start_time(pid) for pid in process_tree(self.pid)}
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        until = time.monotonic() + within
        while not self.ended and time.monotonic() < until:
            descendants |= {pid: start_time(pid) for pid in process_tree(self.pid) if pid not in descendants}
            time.sleep(0.01)
        if not self.ended:
            self.kill()
            self.process.wait(5)
        for pid, started in descendants.items():
            if started is not None and start_time(pid) == started:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


@dataclass
class Host:
    """One host; `up` makes it, `down` ends it.

    `folder` is a directory of the machine with `run` (the host's /run/hacluster), `config` (its /etc/hacluster/config) and `log`
    (one file for each daemon).
    """

    name: str
    folder: Path
    _unshare: subprocess.Popen[bytes] | None = None
    _daemons: list[Daemon] = field(default_factory=list)

    @property
    def pid(self) -> int:
        """The host's first process, in the machine's PID namespace."""
        assert self._unshare is not None
        return children(self._unshare.pid)[0]

    def up(self) -> None:
        """Makes the namespaces and waits until they are ready. Raises HostFailed."""
        for each in ("run", "config", "log"):
            (self.folder / each).mkdir(parents=True)
        (self.folder / "run").chmod(0o777)
        options = [
            "--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--mount-proc", "--kill-child", "--propagation", "private",
        ]  # fmt: skip
        with (self.folder / "log" / "init").open("wb") as log:
            self._unshare = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", "unshare", *options, "sh", "-c", _INIT, "sh", self.name, str(self.folder)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        until = time.monotonic() + _DEADLINE
        while not (self.folder / "run" / ".up").exists():
            if self._unshare.poll() is not None or time.monotonic() > until:
                raise HostFailed(f"{self.name} did not come up: {(self.folder / 'log' / 'init').read_text()}")
            time.sleep(0.01)
        self.run("ip", "link", "set", "lo", "up")

    def down(self) -> None:
        """Ends every process of the host."""
        if self._unshare is not None:
            with contextlib.suppress(ProcessLookupError):
                self._unshare.kill()
            self._unshare.wait(10)
        for daemon in self._daemons:
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.process.wait(5)

    def enter(self, *argv: str) -> list[str]:
        """The command line that runs `argv` on the host."""
        return ["nsenter", "--target", str(self.pid), "--net", "--mount", "--pid", "--uts", "--ipc", "--", *argv]

    def run(self, *argv: str, check: bool = True, timeout: float = _DEADLINE) -> str:
        """Runs a command for at most `timeout` seconds; returns its standard output. Raises HostFailed if `check` and it fails."""
        done = subprocess.run(self.enter(*argv), capture_output=True, text=True, check=False, timeout=timeout)
        if check and done.returncode:
            raise HostFailed(f"{self.name}: {' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def connect(self, port: str, other: "Host", interface: str) -> None:
        """Makes a veth pair: `port` on this host, `interface` on the other one. Raises HostFailed."""
        # Enters the network namespace only: `other.pid` is a number of the machine's PID namespace.
        enter = ["nsenter", "--target", str(self.pid), "--net", "--"]
        command = ["ip", "link", "add", port, "type", "veth", "peer", "name", interface, "netns", str(other.pid)]
        done = subprocess.run([*enter, *command], capture_output=True, text=True, check=False, timeout=_DEADLINE)
        if done.returncode:
            raise HostFailed(f"{self.name}: {' '.join(command)}: {done.stderr.strip()}")

    def start(self, name: str, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> Daemon:
        """Starts a daemon; its output is appended to `log/NAME`. Raises HostFailed."""
        with (self.folder / "log" / name).open("ab") as log:
            process = subprocess.Popen(
                self.enter(*argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **(environment or {})}
            )
        daemon = Daemon(process, _started_pid(process))
        self._daemons.append(daemon)
        return daemon

    def log(self, name: str) -> str:
        """What a daemon has printed; empty if it was never started."""
        file = self.folder / "log" / name
        return file.read_text(errors="replace") if file.exists() else ""

    def network(self) -> contextlib.AbstractContextManager[None]:
        """While the block runs, sockets that this thread opens are in the host's network namespace."""
        return network_of(self.pid)


class Networked(Protocol):
    """Anything with a network namespace: a `Host`, or a container in the end-to-end tests."""

    def network(self) -> contextlib.AbstractContextManager[None]:
        """While the block runs, sockets that this thread opens are in that network namespace."""


@contextlib.contextmanager
def network_of(pid: int) -> Iterator[None]:
    """While the block runs, sockets that this thread opens are in the network namespace of that process (setns(2))."""
    with open("/proc/thread-self/ns/net") as own, open(f"/proc/{pid}/ns/net") as target:  # noqa: PTH123
        _enter_network(target.fileno())
        try:
            yield
        finally:
            _enter_network(own.fileno())


def process_tree(pid: int) -> list[int]:
    """A process and its descendants, parents first."""
    tree = [pid]
    for each in tree:  # the list grows while it is read
        tree += children(each)
    return tree


def _started_pid(process: subprocess.Popen[bytes]) -> int:
    """The process that nsenter started: it forks, because setns(2) gives a new PID namespace to children only."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        if started := children(process.pid):
            return started[0]
        if process.poll() is not None:
            return process.pid
        time.sleep(0.001)
    raise HostFailed("nsenter did not start anything")


def _enter_network(descriptor: int) -> None:
    if _LIBC.setns(descriptor, _CLONE_NEWNET):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
