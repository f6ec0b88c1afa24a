"""What the daemons themselves say of a configuration: their own check, and their reload."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final, Protocol

from hacluster.agent.haproxy.commands import ask
from hacluster.agent.keepalived.process import Keepalived
from hacluster.agent.paths import Paths
from hacluster.agent.system.commands import run
from hacluster.nodeconfig import File

_RELOAD_DEADLINE: Final = 30.0
_MAX_WORDS: Final = 600


class Answer(Enum):
    """What became of a request to a daemon."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    ABSENT = "absent"
    """The daemon is not there, or did not answer in time: it may later."""


@dataclass(frozen=True)
class Verdict:
    """A daemon's answer, with its own words for people."""

    answer: Answer
    words: str = ""


ACCEPTED: Final = Verdict(Answer.ACCEPTED)


class Daemons(Protocol):
    """HealthJudge and load their own files (`bundle.LOADED`)."""

    async def validate(self, file: File, candidate: Path) -> Verdict:
        """Whether the daemon could start with this file."""

    async def reload(self, file: File) -> Verdict:
        """Makes the daemon load its installed file."""


class RealDaemons:
    """keepalived and HAProxy of this pod."""

    def __init__(self, paths: Paths, keepalived: Keepalived) -> None:
        self._paths = paths
        self._keepalived = keepalived
        self._checks: Mapping[File, tuple[str, ...]] = {
            File.KEEPALIVED: ("keepalived", "-t", "-f"),
            File.HAPROXY: ("haproxy", "-c", "-f"),
        }
        self._reloads: Mapping[File, Callable[[], Awaitable[Verdict]]] = {
            File.KEEPALIVED: self._reload_keepalived,
            File.HAPROXY: self._reload_haproxy,
        }

    async def validate(self, file: File, candidate: Path) -> Verdict:
        """Runs the daemon's own check over the candidate."""
        if not _exists(candidate):  # keepalived has called a missing file good
            return Verdict(Answer.ABSENT, f"{candidate} vanished before it was checked")
        code, said = await run(*self._checks[file], str(candidate))
        if code is None:
            return Verdict(Answer.ABSENT, said)
        if code == 0:
            return ACCEPTED
        return Verdict(
            Answer.REFUSED, shorten(said.replace(str(candidate), file.value)) or f"its check ended with exit code {code}"
        )

    async def reload(self, file: File) -> Verdict:
        """SIGHUP to keepalived, `reload` on HAProxy's master socket."""
        return await self._reloads[file]()

    async def _reload_keepalived(self) -> Verdict:
        done = await self._keepalived.reload()
        if done is None:
            return Verdict(Answer.ABSENT, "keepalived is not running")
        return ACCEPTED if done else Verdict(Answer.REFUSED, "keepalived ended when it was told to reload")

    async def _reload_haproxy(self) -> Verdict:
        try:
            async with asyncio.timeout(_RELOAD_DEADLINE):
                said = await ask(self._paths.haproxy_master, "reload")
        except (OSError, TimeoutError) as error:
            return Verdict(Answer.ABSENT, f"HAProxy's master does not answer: {error or 'timeout'}")
        return judge_reload(said.replace(str(self._paths.live(File.HAPROXY)), File.HAPROXY.value))


def judge_reload(said: str) -> Verdict:
    """Reads the master's answer: `Success=1`, or `Success=0` and the new worker's log."""
    first, _, log = said.partition("\n")
    if first.strip() == "Success=1":
        return ACCEPTED
    if first.strip() == "Success=0":
        return Verdict(Answer.REFUSED, shorten(log))
    return Verdict(Answer.ABSENT, f"HAProxy's master said: {shorten(said) or 'nothing'}")


def shorten(said: str) -> str:
    """A daemon's own words, without what it says to everybody: dates, process ids, notices; at most 600 characters.

    HAProxy's alerts are the cause, where there are any. The end of a long story is where daemons say what was wrong.
    """
    lines = [re.sub(r"\s+", " ", line).strip() for line in said.splitlines()]
    lines = [re.sub(r"^(\w{3} \w{3} [ \d]\d [\d:]{8} \d{4}: )", "", line) for line in lines if line not in {"", "--"}]
    alerts = [line for line in lines if line.startswith("[ALERT]")]
    words = [re.sub(r"^\[\w+\] *\(\d+\) *: *", "", line) for line in alerts or lines if not line.startswith("[NOTICE]")]
    text = "; ".join(words)
    return text if len(text) <= _MAX_WORDS else f"{text[: _MAX_WORDS - 2]} …"


def _exists(file: Path) -> bool:
    return file.is_file()
