"""Asks keepalived and HAProxy to check a configuration and to load it, and reads their answers.

`install.Installer` uses the protocol `Daemons`; `RealDaemons` implements it for the daemons of this pod. Only the daemon itself
knows whether it accepts a file, so its own check runs before the file is installed, and its message goes to the user.

Sources: keepalived(8) for `-t` and SIGHUP; HAProxy's Management Guide for `-c` and for `reload` on the master socket.
"""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final, Protocol

from hacluster.agent.config.bundle import Complete, read_good, unchanged
from hacluster.agent.config.running import Running
from hacluster.agent.haproxy import server_states
from hacluster.agent.haproxy.commands import ask
from hacluster.agent.keepalived.process import Keepalived
from hacluster.agent.paths import Paths
from hacluster.agent.system.commands import run
from hacluster.agent.system.files import replace_file
from hacluster.nodeconfig import File, Port

_STATES_DEADLINE: Final = 1.0
"""Seconds for HAProxy to tell the states of its servers."""
_RELOAD_DEADLINE: Final = 30.0
"""Seconds for a reload of HAProxy: the master answers when the new worker has started."""
_MAX_MESSAGE: Final = 600
"""Characters."""


class Answer(Enum):
    """How a daemon answered a request."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    ABSENT = "absent"
    """The daemon does not run, or did not answer in time: a later try may succeed."""


@dataclass(frozen=True)
class Verdict:
    """A daemon's answer, and its own message for the user."""

    answer: Answer
    message: str = ""


ACCEPTED: Final = Verdict(Answer.ACCEPTED)


class Daemons(Protocol):
    """The daemons that check and load the files in `bundle.DAEMON_FILES`."""

    async def validate(self, file: File, candidate: Path) -> Verdict:
        """Whether the daemon of `file` could start with the text in `candidate`."""

    async def reload(self, file: File) -> Verdict:
        """Makes the daemon of `file` load its installed file."""

    async def haproxy_ports(self) -> Collection[Port] | None:
        """The ports that HAProxy has loaded; None: it does not answer, or its file does not have it keep them."""

    async def differs(self, file: File) -> bool:
        """Whether the daemon of `file` certainly runs with something else than its installed file. Raises OSError."""


class RealDaemons:
    """keepalived and HAProxy of this pod."""

    def __init__(self, paths: Paths, keepalived: Keepalived, complete: Complete = unchanged) -> None:
        """`complete` adds the endpoints to haproxy.cfg of a configuration."""
        self._paths = paths
        self._complete = complete
        self._keepalived = keepalived
        self._running = Running(paths, keepalived)
        self._foreign: frozenset[File] = frozenset()
        """Files with which the daemon did not run when it was asked last."""
        self._checks: Mapping[File, tuple[str, ...]] = {
            File.KEEPALIVED: ("keepalived", "-t", "-f"),
            File.HAPROXY: ("haproxy", "-c", "-f"),
        }
        self._reloads: Mapping[File, Callable[[], Awaitable[Verdict]]] = {
            File.KEEPALIVED: self._reload_keepalived,
            File.HAPROXY: self._reload_haproxy,
        }

    async def validate(self, file: File, candidate: Path) -> Verdict:
        """Runs the daemon's own check of the candidate."""
        if not _exists(candidate):  # `keepalived -t` may accept a file that does not exist
            return Verdict(Answer.ABSENT, f"{candidate} vanished before it was checked")
        code, output = await run(*self._checks[file], str(candidate))
        if code is None:
            return Verdict(Answer.ABSENT, output)
        if code == 0:
            return ACCEPTED
        message = shorten_output(output.replace(str(candidate), file.value))
        return Verdict(Answer.REFUSED, message or f"its check ended with exit code {code}")

    async def reload(self, file: File) -> Verdict:
        """Sends SIGHUP to keepalived, or `reload` to HAProxy's master socket."""
        return await self._reloads[file]()

    async def haproxy_ports(self) -> Collection[Port] | None:
        """Asks the current worker."""
        return await self._running.haproxy_ports()

    async def differs(self, file: File) -> bool:
        """Asks the daemon what it has loaded."""
        found = await self._running.differs(file)
        self._foreign = self._foreign | {file} if found else self._foreign - {file}
        return found

    async def _reload_keepalived(self) -> Verdict:
        reloaded = await self._keepalived.reload()
        if reloaded is None:
            return Verdict(Answer.ABSENT, "keepalived is not running")
        if reloaded:
            return ACCEPTED
        if self._paths.leave.exists():
            return Verdict(Answer.ABSENT, "keepalived ends with its pod")
        return Verdict(Answer.REFUSED, "keepalived ended when it was told to reload")

    async def _reload_haproxy(self) -> Verdict:
        await self._pass_server_states()
        try:
            async with asyncio.timeout(_RELOAD_DEADLINE):
                answer = await ask(self._paths.haproxy_master, "reload")
        except (OSError, TimeoutError) as error:
            return Verdict(Answer.ABSENT, f"HAProxy's master does not answer: {error or 'timeout'}")
        finally:
            self._paths.haproxy_server_states.unlink(missing_ok=True)
        return parse_reload_answer(answer.replace(str(self._paths.live(File.HAPROXY)), File.HAPROXY.value))

    async def _pass_server_states(self) -> None:
        """Writes what HAProxy knows of its servers for the process that the reload starts. Without it, the reload works all the same.

        What it knows of servers of another configuration says nothing about ours, though the names may be the same.
        """
        if File.HAPROXY in self._foreign:
            return
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_STATES_DEADLINE):
                answer = await ask(self._paths.haproxy_admin, server_states.COMMAND)
            good, after = read_good(self._paths), self._paths.live(File.HAPROXY).read_text()
            before = self._complete(good.texts[File.HAPROXY], good.config) if good else ""
            replace_file(self._paths.haproxy_server_states, server_states.states_for_reload(answer, before, after))


def parse_reload_answer(answer: str) -> Verdict:
    """Reads the answer of HAProxy's master: `Success=1`, or `Success=0` with the log of the new worker after it."""
    first, _, log = answer.partition("\n")
    if first.strip() == "Success=1":
        return ACCEPTED
    if first.strip() == "Success=0":
        return Verdict(Answer.REFUSED, shorten_output(log))
    return Verdict(Answer.ABSENT, f"HAProxy's master said: {shorten_output(answer) or 'nothing'}")


def shorten_output(output: str) -> str:
    """A daemon's output as one line for the user, at most 600 characters: without dates, process ids and notices.

    Where HAProxy printed alerts, only they are kept: they name the cause.
    """
    lines = [re.sub(r"\s+", " ", line).strip() for line in output.splitlines()]
    lines = [re.sub(r"^(\w{3} \w{3} [ \d]\d [\d:]{8} \d{4}: )", "", line) for line in lines if line not in {"", "--"}]
    alerts = [line for line in lines if line.startswith("[ALERT]")]
    kept = [re.sub(r"^\[\w+\] *\(\d+\) *: *", "", line) for line in alerts or lines if not line.startswith("[NOTICE]")]
    text = "; ".join(kept)
    return text if len(text) <= _MAX_MESSAGE else f"{text[: _MAX_MESSAGE - 2]} …"


def _exists(file: Path) -> bool:
    return file.is_file()
