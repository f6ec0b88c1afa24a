"""Hosts made of namespaces: a network, process tree and mounts of their own, gone when this process is."""

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

_DEADLINE: Final = 20.0
_CLONE_NEWNET: Final = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)

# Its own /run and /etc, then the first process, which has nothing to do but to bury orphans.
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
    """A host did not come up, or a command on it failed; the message has its words."""


@dataclass(frozen=True)
class Daemon:
    """A process that runs on a host; `pid` is its number on the machine."""

    process: subprocess.Popen[bytes]
    pid: int

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        return self.process.poll() is not None

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Signals the process and all that descend from it, children first: a parent would let them say goodbye."""
        for pid in reversed(family(self.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if number in {signal.SIGKILL, signal.SIGCONT}:  # nsenter stops itself together with what it started
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGCONT)

    def terminate(self, within: float) -> None:
        """SIGTERM to the process itself; SIGKILL to all when it has not ended in time."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        try:
            self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait(5)


@dataclass
class Host:
    """One host. `folder` is its own on the machine: `run`, `config` and `log`."""

    name: str
    folder: Path
    _holder: subprocess.Popen[bytes] | None = None
    _daemons: list[Daemon] = field(default_factory=list)

    @property
    def pid(self) -> int:
        """Its first process."""
        assert self._holder is not None
        return _children(self._holder.pid)[0]

    def up(self) -> None:
        """Makes the namespaces. Raises HostFailed."""
        for each in ("run", "config", "log"):
            (self.folder / each).mkdir(parents=True)
        (self.folder / "run").chmod(0o777)
        own = [
            "--net",
            "--mount",
            "--pid",
            "--uts",
            "--ipc",
            "--fork",
            "--mount-proc",
            "--kill-child",
            "--propagation",
            "private",
        ]
        with (self.folder / "log" / "init").open("wb") as log:
            self._holder = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", "unshare", *own, "sh", "-c", _INIT, "sh", self.name, str(self.folder)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        until = time.monotonic() + _DEADLINE
        while not (self.folder / "run" / ".up").exists():
            if self._holder.poll() is not None or time.monotonic() > until:
                raise HostFailed(f"{self.name} did not come up: {(self.folder / 'log' / 'init').read_text()}")
            time.sleep(0.01)
        self.run("ip", "link", "set", "lo", "up")
        # Duplicate address detection would keep an IPv6 address of a segment that nobody else is on waiting for a second.
        self.run("sh", "-c", "for each in all default; do echo 0 >/proc/sys/net/ipv6/conf/$each/accept_dad; done", check=False)

    def down(self) -> None:
        """Ends everything on it."""
        if self._holder is not None:
            with contextlib.suppress(ProcessLookupError):
                self._holder.kill()
            self._holder.wait(10)
        for daemon in self._daemons:
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.process.wait(5)

    def enter(self, *argv: str) -> list[str]:
        """The command line that runs `argv` here."""
        return ["nsenter", "--target", str(self.pid), "--net", "--mount", "--pid", "--uts", "--ipc", "--", *argv]

    def run(self, *argv: str, check: bool = True, timeout: float = _DEADLINE) -> str:
        """What a short command prints. Raises HostFailed."""
        done = subprocess.run(self.enter(*argv), capture_output=True, text=True, check=False, timeout=timeout)
        if check and done.returncode:
            raise HostFailed(f"{self.name}: {' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def connect(self, port: str, other: "Host", interface: str) -> None:
        """A pair of cards with a wire between them: `port` here, `interface` on the other host."""
        # Only the network is the host's: it is the machine's process tree that knows the other's number.
        enter = ["nsenter", "--target", str(self.pid), "--net", "--"]
        command = ["ip", "link", "add", port, "type", "veth", "peer", "name", interface, "netns", str(other.pid)]
        done = subprocess.run([*enter, *command], capture_output=True, text=True, check=False, timeout=_DEADLINE)
        if done.returncode:
            raise HostFailed(f"{self.name}: {' '.join(command)}: {done.stderr.strip()}")

    def start(self, name: str, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> Daemon:
        """Starts a daemon; what it says goes to `log/NAME`."""
        with (self.folder / "log" / name).open("ab") as log:
            process = subprocess.Popen(
                self.enter(*argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **(environment or {})}
            )
        daemon = Daemon(process, _only_child(process))
        self._daemons.append(daemon)
        return daemon

    def log(self, name: str) -> str:
        """What a daemon has said."""
        file = self.folder / "log" / name
        return file.read_text(errors="replace") if file.exists() else ""

    def network(self) -> contextlib.AbstractContextManager[None]:
        """As long as the block lasts, this thread's new sockets are the host's."""
        return network_of(self.pid)


class Networked(Protocol):
    """Whatever has a network to look at."""

    def network(self) -> contextlib.AbstractContextManager[None]:
        """As long as the block lasts, this thread's new sockets are in it."""


@contextlib.contextmanager
def network_of(pid: int) -> Iterator[None]:
    """As long as the block lasts, this thread's new sockets are in the network of that process."""
    with open("/proc/thread-self/ns/net") as ours, open(f"/proc/{pid}/ns/net") as theirs:  # noqa: PTH123
        _enter_network(theirs.fileno())
        try:
            yield
        finally:
            _enter_network(ours.fileno())


def family(pid: int) -> list[int]:
    """A process and its descendants, parents first."""
    found = [pid]
    for each in found:
        found += _children(each)
    return found


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _only_child(process: subprocess.Popen[bytes]) -> int:
    """`nsenter` forks once, because a process cannot change its own process tree."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        if found := _children(process.pid):
            return found[0]
        if process.poll() is not None:
            return process.pid
        time.sleep(0.001)
    raise HostFailed("nsenter did not start anything")


def _enter_network(descriptor: int) -> None:
    if _LIBC.setns(descriptor, _CLONE_NEWNET):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
