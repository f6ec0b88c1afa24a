"""What can be wrong with a resource, in the form that users read: a reason, the field, and the cure.

HAClusterError
└── InvalidResource      the resource breaks its own schema: `problems` says where
"""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One thing a user has to know or mend.

    `reason` is CamelCase for machines, `field` a path such as `spec.haproxy.listeners[0].port` (empty where no single
    field is to blame), `message` a sentence with the cure.
    """

    reason: str
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class HAClusterError(Exception):
    """Base of the project's own errors."""


class InvalidResource(HAClusterError):
    """The resource cannot be accepted; `problems` is never empty."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems
