"""What was last seen of each Secret, in this process's memory only."""

from collections.abc import Collection
from dataclasses import dataclass, field

from hacluster.agent.secrets.source import Data
from hacluster.api.reasons import Reason


@dataclass(frozen=True)
class Seen:
    """What was last seen of a Secret. Its data is left out where this is printed."""

    data: Data | None = field(default=None, repr=False)
    reason: Reason = Reason.SECRET_MISSING
    """With `error`, why there is no data."""
    error: str = ""


class SecretStore:
    """What was last seen. `version` grows with each change."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}
        self.version = 0

    def get(self, name: str) -> Seen:
        """The Secret as it was last seen."""
        return self._seen.get(name) or Seen(error="it has not been read yet")

    def is_known(self, name: str) -> bool:
        """Whether the Secret was looked for, and there was an answer."""
        return name in self._seen

    def put(self, name: str, seen: Seen) -> None:
        """Stores what was seen."""
        if self._seen.get(name) != seen:
            self._seen[name] = seen
            self.version += 1

    def keep_only(self, names: Collection[str]) -> None:
        """Forgets all other Secrets: what is followed no longer may be out of date when it is named again."""
        self._seen = {name: seen for name, seen in self._seen.items() if name in names}
