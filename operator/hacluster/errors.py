"""Problems as users read them, and the base class of the exceptions that users read.

A `Problem` is a value, not an exception: the plan collects as many as it finds, and they end up in conditions and in the output
of the command line. An exception is raised only where work cannot go on; `InvalidResource` then carries the problems.
"""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that a user has to know or to repair.

    `reason` is a CamelCase word for programs (`api/reasons.py`), `field` a path such as `spec.haproxy.listeners[0].port` (empty if
    the cause is no single field), `message` a sentence that also says what to do.
    """

    reason: str
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class HAClusterError(Exception):
    """Base class of exceptions whose message the command line prints to the user as it is. Others do not derive from it."""


class InvalidResource(HAClusterError):
    """The resource violates its schema. `problems` says where, and is never empty."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems
