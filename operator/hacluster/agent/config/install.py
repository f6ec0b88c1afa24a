"""One transaction: judge the new files, install them, load them, and go back where a daemon refuses.

The good copies are what a transaction goes back to, and are replaced only when every daemon has taken its file. They lie on
disk, so that an agent that is killed in between finds on its next start what was good, and that the live files may not be.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from hacluster.agent.config.bundle import LOADED, Bundle, read_good, read_live
from hacluster.agent.config.daemons import ACCEPTED, Answer, Daemons, Verdict
from hacluster.agent.paths import Paths
from hacluster.agent.system import tcp_sockets
from hacluster.agent.system.files import replace_file
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem
from hacluster.nodeconfig import AgentConfig, File, Port


class Retry(Enum):
    """What an unsuccessful transaction waits for."""

    NEVER = "other files"
    PORT = "a port or an address to be free"
    LATER = "a daemon to answer"


@dataclass(frozen=True)
class Outcome:
    """How a transaction ended; `problems` is empty where it succeeded."""

    problems: tuple[NodeProblem, ...] = ()
    retry: Retry = Retry.NEVER


Preflight = Callable[[AgentConfig], Awaitable[tuple[NodeProblem, ...]]]
"""What forbids the daemons' first start with this configuration."""


async def _allowed(_: AgentConfig) -> tuple[NodeProblem, ...]:
    return ()


class Installer:
    """Owns the files in the run directory. `good` is what is loaded, None before the first installation."""

    def __init__(
        self,
        paths: Paths,
        daemons: Daemons,
        listeners: Callable[[], Collection[tcp_sockets.Listener]] = tcp_sockets.read_listeners,
        preflight: Preflight = _allowed,
    ):
        self._paths = paths
        self._daemons = daemons
        self._listeners = listeners
        self._preflight = preflight
        paths.good(File.AGENT).parent.mkdir(parents=True, exist_ok=True)
        self.good = read_good(paths)
        self._dirty = self.good is not None and dict(read_live(paths)) != dict(self.good.texts)

    @property
    def started(self) -> bool:
        """Whether the daemons were told that they can start."""
        return self._paths.ready.exists()

    async def install(self, new: Bundle) -> Outcome:
        """Makes the daemons run with the new files, or leaves them as they were. Raises OSError."""
        changed = new.changed_from(self.good)
        if not changed and not self._dirty and self.started:
            return Outcome()
        if refusal := await self._judge(new, changed):
            return refusal
        if taken := await self._taken(new):
            return Outcome(taken, Retry.PORT)
        self._write(new.texts)
        if not self.started:
            self._commit(new)
            self._paths.ready.touch()
            return Outcome()
        if failure := await self._load(self._to_load(changed)):
            return failure
        self._commit(new)
        return Outcome()

    async def _judge(self, new: Bundle, changed: Collection[File]) -> Outcome | None:
        for file in LOADED:
            if file in changed:
                candidate = self._paths.candidate(file)
                replace_file(candidate, new.texts[file])
                try:
                    verdict = await self._daemons.validate(file, candidate)
                finally:
                    candidate.unlink(missing_ok=True)
                if verdict.answer is not Answer.ACCEPTED:
                    return _failed(file, verdict)
        return None

    async def _taken(self, new: Bundle) -> tuple[NodeProblem, ...]:
        """What the new files want and somebody else has: ports, and before the first start virtual IPs."""
        busy = tuple(NodeProblem(reason=Reason.PORT_IN_USE, message=tcp_sockets.describe(*one)) for one in self._busy(new))
        return busy or (() if self.started else await self._preflight(new.config))

    def _busy(self, new: Bundle) -> tuple[tuple[Port, tcp_sockets.Listener], ...]:
        """Ports that the new files want and somebody else has: our own daemons have those of the good files, once started."""
        ours = self.good.config.ports if self.good and self.started else ()
        return tcp_sockets.taken(new.config.ports, ours, self._listeners())

    def _to_load(self, changed: Collection[File]) -> tuple[File, ...]:
        """Only what changed; after an interrupted transaction nobody knows what was loaded, so everything."""
        return tuple(file for file in LOADED if self._dirty or file in changed)

    async def _load(self, files: Iterable[File]) -> Outcome | None:
        """A daemon that is away keeps the new files for its start; it is asked again, in case it had just read the old ones."""
        loaded: list[File] = []
        self._dirty = True
        for file in files:
            verdict = await self._daemons.reload(file)
            loaded.append(file)
            if verdict.answer is Answer.ABSENT:
                return _failed(file, verdict)
            if verdict.answer is Answer.REFUSED:
                await self._go_back(loaded)
                return _failed(file, verdict)
        return None

    async def _go_back(self, loaded: Iterable[File]) -> None:
        """The good files again. A daemon that refused has kept them in memory, one that had taken the new files is told."""
        if self.good is None:
            return
        self._write(self.good.texts)
        verdicts = [await self._daemons.reload(file) for file in loaded]
        self._dirty = any(verdict != ACCEPTED for verdict in verdicts)

    def _write(self, texts: Mapping[File, str]) -> None:
        """Installs all files, each by a rename; a file that is no longer wanted goes."""
        for file in File:
            live = self._paths.live(file)
            if file in texts:
                replace_file(live, texts[file])
            elif file is File.RSYSLOG:
                live.unlink(missing_ok=True)

    def _commit(self, new: Bundle) -> None:
        """The new files are good. The agent's own is written last: it seals the others."""
        for file, text in new.texts.items():
            if file is not File.AGENT:
                replace_file(self._paths.good(file), text)
        if File.RSYSLOG not in new.texts:
            self._paths.good(File.RSYSLOG).unlink(missing_ok=True)
        replace_file(self._paths.good(File.AGENT), new.texts[File.AGENT])
        self.good, self._dirty = new, False


def _failed(file: File, verdict: Verdict) -> Outcome:
    reason, retry = (
        (Reason.CONFIGURATION_REFUSED, Retry.NEVER) if verdict.answer is Answer.REFUSED else (Reason.NOT_LOADED, Retry.LATER)
    )
    return Outcome((NodeProblem(reason=reason, message=f"{file.value}: {verdict.words}"),), retry)
