"""Stops HAProxy softly, and keeps its process until the agent ends.

After a soft stop HAProxy closes its listeners, adds `Connection: close` to its answers, and ends when its last connection has. But the
kubelet runs the preStop hook inside HAProxy's container: if HAProxy ends first, the hook is killed with it, and the kubelet reports
FailedPreStopHook. A session on the admin socket counts as a connection, so one is opened before the soft stop and kept.

Source: HAProxy's Management Guide, "Stopping and restarting HAProxy", and "Unix Socket commands" (`prompt`, `set timeout cli`).
"""

import contextlib
import csv
import signal
import socket
import struct
from pathlib import Path
from typing import Final

from hacluster.agent.paths import Paths
from hacluster.agent.system import processes

_CREDENTIALS: Final = struct.Struct("3i")
"""`struct ucred` of unix(7): process, user and group id."""
_DEADLINE: Final = 0.2
_STAY: Final = b"prompt\nset timeout cli 1d\n"
"""Without `prompt` HAProxy closes a session after its first answer, without the timeout after ten seconds."""
_FRONTENDS: Final = b"show stat -1 1 -1\n"
"""Statistics of every frontend (1) of every proxy (-1), as CSV."""
_INFO: Final = b"@1 show info\n"
"""Asks the current worker, by way of the master."""
_HEALTH: Final = "hacluster:health"
"""The frontend for health checks (plan/texts/templates/haproxy.cfg.j2)."""


def accepted_sessions(statistics: str) -> int:
    """The sum of the column `stot` of all frontends, from the answer to `show stat`; the frontend for health checks is left out."""
    rows = csv.DictReader(statistics.removeprefix("# ").splitlines())
    return sum(int(row["stot"]) for row in rows if row["pxname"] != _HEALTH and (row["stot"] or "").isdigit())


class SoftStop:
    """The soft stop of this pod's HAProxy."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._session: socket.socket | None = None

    def begin(self) -> None:
        """Stops HAProxy softly. Nothing happens where it does not run."""
        master = haproxy_master(self._paths.haproxy_master)
        if master is None:
            return
        self.close()
        self._session = _open_session(self._paths.haproxy_admin)
        processes.send(master, signal.SIGUSR1)

    def runs(self) -> bool:
        """Whether HAProxy's master process lives."""
        return haproxy_master(self._paths.haproxy_master) is not None

    def is_under_way(self) -> bool:
        """Whether HAProxy was stopped softly, perhaps by an earlier agent, and still serves. Its master says so, nothing else answers."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as session:
            session.settimeout(_DEADLINE)
            session.connect(str(self._paths.haproxy_master))
            session.sendall(_INFO)
            session.shutdown(socket.SHUT_WR)
            with session.makefile() as answer:
                return "Stopping: 1" in answer.read().splitlines()
        return False

    def sessions(self) -> int | None:
        """The number of connections that HAProxy has accepted so far, without the agent's own. None if it does not answer."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as session:
            session.settimeout(_DEADLINE)
            session.connect(str(self._paths.haproxy_admin))
            session.sendall(_FRONTENDS)
            with session.makefile() as answer:
                return accepted_sessions(answer.read())
        return None

    def close(self) -> None:
        """Closes the session: HAProxy ends with its last connection."""
        if self._session is not None:
            self._session.close()
        self._session = None


def _open_session(path: Path) -> socket.socket | None:
    """An open session on the admin socket; None if HAProxy does not answer."""
    session = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        session.settimeout(_DEADLINE)
        session.connect(str(path))
        session.sendall(_STAY)
        session.recv(64)  # the prompt: HAProxy has read the first command, and keeps the session
    except OSError:
        session.close()
        return None
    return session


def haproxy_master(path: Path) -> int | None:
    """Process id of the process that listens on HAProxy's master socket; None if there is none.

    The kernel gives it for a connected unix socket (SO_PEERCRED, unix(7)). So no pid file is needed, which could be out of date.
    """
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_DEADLINE)
        connection.connect(str(path))
        pid, _, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
        return int(pid) or None
    return None
