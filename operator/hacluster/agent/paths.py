"""Paths of the agent's files and sockets.

The two directories are those of `names`, unless `hacluster agent --run-dir --config-dir` or a test names others.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hacluster import names
from hacluster.nodeconfig import File

SERVICE_ACCOUNT: Final = Path(names.SERVICE_ACCOUNT_DIR)
"""Where the kubelet mounts the pod's token and the API server's CA certificate."""


@dataclass(frozen=True)
class Paths:
    """`config`: the mounted ConfigMap with the wanted files; `run`: the installed files, and every socket."""

    run: Path = Path(names.RUN_DIR)
    config: Path = Path(names.CONFIG_DIR)

    def _in_run_directory(self, name: str) -> Path:
        return self.run / Path(name).relative_to(names.RUN_DIR)

    def live(self, file: File) -> Path:
        """The file that the daemon reads."""
        return self.run / file.value

    def good(self, file: File) -> Path:
        """A copy of the text that was last loaded without an error: after a refused reload it is installed again."""
        return self.run / "good" / file.value

    def candidate(self, file: File) -> Path:
        """A new text, while the daemon's own check reads it (`keepalived -t`, `haproxy -c`)."""
        return self.run / f"candidate-{file.value}"

    @property
    def ready(self) -> Path:
        """Exists once a first configuration is installed: the daemons' containers wait for it."""
        return self._in_run_directory(names.READY_FILE)

    @property
    def keepalived_pid(self) -> Path:
        """Process id of keepalived's parent process."""
        return self._in_run_directory(names.KEEPALIVED_PID)

    @property
    def keepalived_dump(self) -> Path:
        """The file into which keepalived dumps its state on a signal: its TMPDIR is the run directory."""
        return self.run / "keepalived.json"

    @property
    def keepalived_data(self) -> Path:
        """The file into which keepalived dumps its data in words, in the same directory."""
        return self.run / "keepalived.data"

    @property
    def haproxy_master(self) -> Path:
        """HAProxy's master socket, for reloads."""
        return self._in_run_directory(names.HAPROXY_MASTER_SOCKET)

    @property
    def haproxy_admin(self) -> Path:
        """HAProxy's stats socket with level admin: commands about its servers."""
        return self._in_run_directory(names.HAPROXY_ADMIN_SOCKET)

    @property
    def haproxy_server_states(self) -> Path:
        """States of the servers, which HAProxy's new process reads in a reload; absent at other times."""
        return self._in_run_directory(names.HAPROXY_SERVER_STATES)

    @property
    def haproxy_health(self) -> Path:
        """The socket of HAProxy's listener for health checks."""
        return self._in_run_directory(names.HAPROXY_HEALTH_SOCKET)

    @property
    def credentials(self) -> Path:
        """The directory of the credentials that HAProxy asks for, one file for each Secret."""
        return self._in_run_directory(names.CREDENTIALS_DIR)

    @property
    def track_haproxy(self) -> Path:
        """Track file of keepalived: 1 while the node is unfit because of HAProxy (`names.TRACK_HAPROXY`)."""
        return self._in_run_directory(names.TRACK_HAPROXY)

    def track_yield(self, router: str) -> Path:
        """Track file of keepalived, one for each router: 1 while this node yields the router's virtual IPs to another."""
        return self._in_run_directory(names.track_yield(router))

    def track_step(self, router: str) -> Path:
        """Track file of keepalived, one for each router: 1 while this node yields to the node with the next priority only."""
        return self._in_run_directory(names.track_step(router))

    def other_tracks(self, routers: Collection[str]) -> Collection[Path]:
        """The track files of routers that are not among these: earlier files named them."""
        kinds = (self.track_yield, self.track_step)
        wanted = {file(router) for file in kinds for router in routers}
        prefix = [file("") for file in kinds]
        return [found for each in prefix for found in each.parent.glob(f"{each.name}*") if found not in wanted]

    @property
    def alive(self) -> Path:
        """The file that a running agent touches every second; keepalived's script reads its age."""
        return self._in_run_directory(names.AGENT_ALIVE)

    @property
    def forwarding(self) -> Path:
        """Record of the nftables tables that the agent loaded: a restarted agent leaves them in place."""
        return self.run / "forwarding"

    @property
    def virtual_ips(self) -> Path:
        """Record of the virtual IPs that were named since the pod started: what is left of them is removed."""
        return self.run / "virtual-ips.json"

    @property
    def services(self) -> Path:
        """Record of the Services and their endpoints as they were last seen: a restarted agent goes on with them."""
        return self.run / "services.json"

    @property
    def certificates(self) -> Path:
        """The directory of the certificates that HAProxy reads: one file for each Secret, of the Secret's name."""
        return self._in_run_directory(names.CERTIFICATES_DIR)

    @property
    def certificates_pending(self) -> Path:
        """Exists from before certificates are written until HAProxy has loaded them: a restarted agent has them loaded again."""
        return self.run / "certificates-pending"

    @property
    def certificate_scratch(self) -> Path:
        """A certificate and its key, while they are judged."""
        return self.run / "candidate-certificate"

    @property
    def leave(self) -> Path:
        """Made by a preStop hook: the pod is about to end, and the node has to yield its virtual IPs first."""
        return self._in_run_directory(names.LEAVE_FILE)

    @property
    def left(self) -> Path:
        """Made by the agent, for the preStop hooks that wait: the virtual IPs have moved, and the daemons may end."""
        return self._in_run_directory(names.LEFT_FILE)

    @property
    def leave_record(self) -> Path:
        """Record of when the pod began to end: a restarted agent goes on from there."""
        return self.run / "leaving.json"

    @property
    def notify_fifo(self) -> Path:
        """The FIFO into which keepalived writes its notifications."""
        return self._in_run_directory(names.NOTIFY_FIFO)

    @property
    def entry(self) -> Path:
        """The status entry that was last built: a restarted agent goes on with its `since`."""
        return self.run / "entry.json"
