"""How a transaction of the installer ended, and when it is worth another try."""

from dataclasses import dataclass
from enum import Enum

from hacluster.agent.config.daemons import Answer, Verdict
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem
from hacluster.nodeconfig import File


class Retry(Enum):
    """When an unsuccessful transaction is worth another try."""

    NEVER = "not before the files change"
    PORT = "every second: a port or an address may be free then, or a Secret there"
    LATER = "after a growing delay: a daemon may answer then"


@dataclass(frozen=True)
class Outcome:
    """How a transaction ended: without `problems` it succeeded."""

    problems: tuple[NodeProblem, ...] = ()
    retry: Retry = Retry.NEVER


def failed(file: File, verdict: Verdict) -> Outcome:
    """The outcome of a daemon's verdict that is not ACCEPTED."""
    reason, retry = (
        (Reason.CONFIGURATION_REFUSED, Retry.NEVER) if verdict.answer is Answer.REFUSED else (Reason.NOT_LOADED, Retry.LATER)
    )
    return Outcome((NodeProblem(reason=reason, message=f"{file.value}: {verdict.message}"),), retry)
