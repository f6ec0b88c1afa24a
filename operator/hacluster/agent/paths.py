"""Where the agent finds its files. Elsewhere than in a pod (a rehearsal) the directories differ, the names do not."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hacluster import names
from hacluster.nodeconfig import File

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True)
class Paths:
    """`config`: what is wanted (the mounted ConfigMap); `run`: what is installed, and every socket."""

    run: Path = Path(names.RUN_DIR)
    config: Path = Path(names.CONFIG_DIR)

    def _named(self, name: str) -> Path:
        return self.run / Path(name).relative_to(names.RUN_DIR)

    def live(self, file: File) -> Path:
        """The file that the daemon reads."""
        return self.run / file.value

    def good(self, file: File) -> Path:
        """A copy of what was last loaded without a complaint: a refused reload goes back to it."""
        return self.run / "good" / file.value

    def candidate(self, file: File) -> Path:
        """A new text while the real daemon judges it."""
        return self.run / f"candidate-{file.value}"

    @property
    def ready(self) -> Path:
        """Exists once there is something that the daemons can start with."""
        return self._named(names.READY_FILE)

    @property
    def keepalived_pid(self) -> Path:
        """Process id of keepalived's parent process."""
        return self._named(names.KEEPALIVED_PID)

    @property
    def keepalived_dump(self) -> Path:
        """Where keepalived dumps its state on demand: its TMPDIR is the run directory."""
        return self.run / "keepalived.json"

    @property
    def haproxy_master(self) -> Path:
        """HAProxy's master socket."""
        return self._named(names.HAPROXY_MASTER_SOCKET)

    @property
    def haproxy_admin(self) -> Path:
        """The socket on which HAProxy takes orders about its servers."""
        return self._named(names.HAPROXY_ADMIN_SOCKET)

    @property
    def haproxy_health(self) -> Path:
        """HAProxy's health listener."""
        return self._named(names.HAPROXY_HEALTH_SOCKET)

    @property
    def track_haproxy(self) -> Path:
        """The track file of keepalived."""
        return self._named(names.TRACK_HAPROXY)

    def track_yield(self, router: str) -> Path:
        """The track file of keepalived by which a node lets another have a router's virtual IPs."""
        return self._named(names.track_yield(router))

    @property
    def alive(self) -> Path:
        """Touched as long as the agent lives."""
        return self._named(names.AGENT_ALIVE)

    @property
    def forwarding(self) -> Path:
        """What the agent made of the kernel's routes and rules."""
        return self.run / "forwarding"

    @property
    def leave(self) -> Path:
        """Somebody asks for the pod to be left in order."""
        return self._named(names.LEAVE_FILE)

    @property
    def left(self) -> Path:
        """The answer: nothing that matters is lost when the daemons end now."""
        return self._named(names.LEFT_FILE)

    @property
    def notify_fifo(self) -> Path:
        """The notifications of keepalived."""
        return self._named(names.NOTIFY_FIFO)

    @property
    def entry(self) -> Path:
        """The entry last built, so that a restarted agent goes on with the same `since`."""
        return self.run / "entry.json"
