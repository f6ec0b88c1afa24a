"""Installs a node's files in one transaction: check, write, reload; after a refusal back to the last good files.

`Installer.install` is called by the watcher with each new bundle. The good copies in the run directory are replaced only when
every daemon has loaded its file; the first files count as good when the daemons' checks accept them, because no daemon runs yet.
The good copies are on disk, so an agent that is killed during a transaction finds the good files at its
next start, and sees that the live files may differ from them.
"""

import logging
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final

from hacluster.agent.config.authentication import Passwords
from hacluster.agent.config.bundle import DAEMON_FILES, Bundle, read_good, read_live, read_live_config, unchanged
from hacluster.agent.config.daemons import ACCEPTED, Answer, Daemons, Verdict
from hacluster.agent.config.deviations import Deviation
from hacluster.agent.config.files import ConfigFiles, replace_config
from hacluster.agent.config.outcome import Outcome, Retry, failed
from hacluster.agent.config.ports_in_use import ports_in_use
from hacluster.agent.config.servers_first import Servers, wait_for_apache, wait_for_services
from hacluster.agent.config.turn import Turn, never
from hacluster.agent.keepalived.wire import as_owner
from hacluster.agent.paths import Paths
from hacluster.agent.secrets.certificate_files import CertificateFiles
from hacluster.agent.secrets.store import SecretStore
from hacluster.agent.system import tcp_sockets
from hacluster.api.status import NodeProblem
from hacluster.nodeconfig import AgentConfig, File

log = logging.getLogger(__name__)

_DEVIATIONS: Final = {File.HAPROXY: Deviation.HAPROXY, File.KEEPALIVED: Deviation.KEEPALIVED}

Preflight = Callable[[AgentConfig], Awaitable[tuple[NodeProblem, ...]]]
"""A check before the daemons' first start: returns the problems that forbid it."""

Announce = Callable[[AgentConfig], AbstractAsyncContextManager[None]]
"""While its block runs, the daemons may load this configuration as well as the good one: the kernel's rules suit both."""


async def _no_preflight(_: AgentConfig) -> tuple[NodeProblem, ...]:
    return ()


def _announced_to_nobody(_: AgentConfig) -> AbstractAsyncContextManager[None]:
    return nullcontext()


class Installer:
    """Owns the configuration files in the run directory.

    `good` is the bundle that the daemons have loaded, None before the first installation.
    """

    def __init__(
        self,
        paths: Paths,
        daemons: Daemons,
        listeners: Callable[[], Collection[tcp_sockets.Listener]] = tcp_sockets.read_listeners,
        preflight: Preflight = _no_preflight,
        turn: Turn | None = None,
        *,
        announce: Announce = _announced_to_nobody,
        servers: Servers | None = None,
        certificates: CertificateFiles | None = None,
        passwords: Passwords | None = None,
    ):
        """`servers` knows the endpoints of Services, `certificates` and `passwords` those of the Secrets; None: there are none."""
        self._paths = paths
        self._daemons = daemons
        self._listeners = listeners
        self._preflight = preflight
        self._turn = turn
        self._announce = announce
        self._servers = servers
        self.certificates = certificates or CertificateFiles(paths, SecretStore())
        self._passwords = passwords or Passwords(SecretStore())
        self.files = ConfigFiles(paths, servers.complete if servers else unchanged)
        paths.good(File.AGENT).parent.mkdir(parents=True, exist_ok=True)
        self.good = read_good(paths)
        # Whether the live files, or what the daemons have loaded, may differ from the good files: a transaction was interrupted.
        self._dirty = self.good is not None and dict(read_live(paths)) != dict(self.good.texts)
        self.files.written = self.good

    @property
    def started(self) -> bool:
        """Whether the daemons' containers were allowed to start."""
        return self._paths.ready.exists()

    async def install(self, new: Bundle, superseded: Callable[[], bool] = never) -> Outcome:
        """Makes the daemons run with the new files, or keeps the good ones. Raises OSError.

        Where nodes have to agree on what changes, it waits for this node's turn; `superseded` ends the wait, and nothing is installed.
        If a daemon cannot be asked to reload, the new files stay installed for its next start, and the outcome asks for another try.
        """
        new, unknown = self._passwords.complete(new, self.good)
        if missing := (*self.certificates.offer(new.config), *unknown):
            await self._renew()
            return Outcome(missing, Retry.PORT)
        changed = new.changed_from(self.good)
        if self.certificates.to_load:
            changed = tuple({File.HAPROXY, *changed})
        if not changed and not self._dirty and self.started:
            return Outcome()
        self.certificates.write()
        outcome = await self._install(new, changed, superseded)
        if self.good is not new and not self._dirty:  # else a daemon may start with the new files
            self.certificates.restore()
            await self._renew()
        return outcome

    async def _renew(self) -> None:
        """Has HAProxy load renewed certificates of the good configuration, which goes on while a new one cannot be loaded."""
        if self.good is None or self._dirty or not self.started or not self.certificates.offer_renewed(self.good.config):
            return
        self.certificates.write()
        loaded = await self._load(File.HAPROXY) == ACCEPTED
        (self.certificates.commit if loaded else self.certificates.restore)()

    async def _install(self, new: Bundle, changed: Collection[File], superseded: Callable[[], bool]) -> Outcome:
        if refusal := await self._validate(new, changed):
            return refusal
        if blockers := await self._find_blockers(new):
            return Outcome(blockers, Retry.PORT)
        if self._servers is not None:
            await wait_for_services(new.config, self._servers.all_known, superseded)
        if self.good is not None and self.started:
            await wait_for_apache(self.good.config, new.config, self._listeners, superseded)
        if not await self._wait_for_turn(new, superseded):
            return Outcome()
        async with self._announce(new.config):
            self.files.write(new)
            if self.started and (failure := await self._reload(new, self._to_reload(changed))):
                return failure
        self._commit(new)
        self._paths.ready.touch()
        return Outcome()

    async def find_deviations(self) -> frozenset[Deviation]:
        """What somebody else has changed: the files that the daemons read, or what the daemons have loaded. Raises OSError.

        None after an interrupted transaction: then the next `install` decides.
        """
        if self.good is None or self._dirty or not self.started:
            return frozenset()
        if self.certificates.altered or dict(read_live(self._paths)) != dict(self.good.texts):
            return frozenset({Deviation.FILES})
        return frozenset([deviation for file, deviation in _DEVIATIONS.items() if await self._daemons.differs(file)])

    async def restore(self, found: frozenset[Deviation]) -> None:
        """Installs the good files again, and makes the daemons load them that may run with something else. Raises OSError."""
        await self._roll_back([file for file, deviation in _DEVIATIONS.items() if found & {deviation, Deviation.FILES}])

    async def _wait_for_turn(self, new: Bundle, superseded: Callable[[], bool]) -> bool:
        """Waits until this node may load the new settings; False: other files, or another Secret, came meanwhile."""
        if self._turn is None or self.good is None or not self.started:
            return True
        texts = self.good.texts[File.KEEPALIVED], new.texts[File.KEEPALIVED]
        return await self._turn.wait(*texts, lambda: superseded() or self.certificates.changed)

    async def _validate(self, new: Bundle, changed: Collection[File]) -> Outcome | None:
        """Runs the daemons' own checks of the changed files; returns the first failure."""
        for file in DAEMON_FILES:
            if file in changed:
                candidate = self._paths.candidate(file)
                replace_config(file, candidate, self.files.text(new, file))
                try:
                    verdict = await self._daemons.validate(file, candidate)
                finally:
                    candidate.unlink(missing_ok=True)
                if verdict.answer is not Answer.ACCEPTED:
                    return failed(file, verdict)
        return None

    async def _find_blockers(self, new: Bundle) -> tuple[NodeProblem, ...]:
        """Ports that another program uses; if there is none, before the daemons' first start, what the preflight check finds."""
        good, live = (self.good.config, read_live_config(self._paths)) if self.good and self.started else (None, None)
        in_use = await ports_in_use(new.config, good, live, self._daemons.haproxy_ports, self._listeners())
        return in_use or (() if self.started else await self._preflight(new.config))

    def _to_reload(self, changed: Collection[File]) -> tuple[File, ...]:
        """The changed files; after an interrupted transaction all, because it is unknown what the daemons have loaded."""
        return tuple(file for file in DAEMON_FILES if self._dirty or file in changed)

    async def _reload(self, new: Bundle, files: Iterable[File]) -> Outcome | None:
        """Makes the daemons load the live files; returns the first failure. After a refusal the good files are back.

        After ABSENT the new files stay for the daemon's next start. The reload is tried again all the same, because the daemon may
        have read the old files just before they were replaced.
        """
        asked: list[File] = []
        self._dirty = True
        for file in self._in_order(files):
            if file is File.KEEPALIVED:
                await self._start_as_owner(new)
            verdict = await self._load(file)
            asked.append(file)
            if verdict.answer is Answer.REFUSED:
                await self._roll_back(asked)
            if verdict.answer is not Answer.ACCEPTED:
                return failed(file, verdict)
        return None

    async def _load(self, file: File) -> Verdict:
        self.files.loading = file is File.HAPROXY
        try:
            return await self._daemons.reload(file)
        finally:
            self.files.loading = False

    def _in_order(self, files: Iterable[File]) -> Iterable[File]:
        """HAProxy first, except where the holder has loaded new settings already and keepalived cannot hear it until it has them, too."""
        return reversed(list(files)) if self._turn and self._turn.follows else files

    async def _start_as_owner(self, new: Bundle) -> None:
        """Makes keepalived start new instances as address owner, for those virtual IPs that this node holds.

        The holder of an instance with another VRID, interface or peering would be BACKUP for three intervals. An owner is MASTER at
        once, and stays MASTER at the next reload, which gives it its own priority. The caller reloads next.
        """
        text = new.texts[File.KEEPALIVED]
        instances = self._turn.restarting(self.good.texts[File.KEEPALIVED], text) if self._turn and self.good else ()
        if not instances:
            return
        log.info("%s: the new settings start as address owner, so that the virtual IPs stay", ", ".join(instances))
        replace_config(File.KEEPALIVED, self._paths.live(File.KEEPALIVED), as_owner(text, instances))
        await self._daemons.reload(File.KEEPALIVED)
        replace_config(File.KEEPALIVED, self._paths.live(File.KEEPALIVED), text)

    async def _roll_back(self, asked: Iterable[File]) -> None:
        """Installs the good files, and reloads every daemon that was asked to load a new one."""
        if self.good is None:
            return
        self.certificates.restore()
        self.files.write(self.good)
        verdicts = [await self._load(file) for file in asked]
        self._dirty = any(verdict != ACCEPTED for verdict in verdicts)

    def _commit(self, new: Bundle) -> None:
        self.files.commit(new)
        self.certificates.commit()
        self.good, self._dirty = new, False
