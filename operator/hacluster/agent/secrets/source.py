"""Where Secrets come from.

`status/secrets.py` is the source of an agent in a pod. `FileSecrets` is that of an agent without an API server.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

Data = Mapping[str, str]
"""The `data` of a Secret: key → value in base64, as the API server writes it."""
_POLL: Final = 0.1
"""Seconds between two looks at a file."""


class SourceFailed(Exception):
    """A Secret cannot be followed now: it has to be tried again. The message is for the user, and has nothing of the Secret."""


class SecretForbidden(SourceFailed):
    """The API server does not allow the agent to read the Secret."""


class SecretSource(Protocol):
    """Where Secrets are followed."""

    def follow(self, name: str) -> AsyncGenerator[Data | None]:
        """The Secret as it is, then after each change; None: there is none. May end at any time. Raises SourceFailed."""

    def close(self) -> None:
        """Closes the connections."""


class FileSecrets:
    """Follows Secrets in a file: a JSON object with a list `items`, as `kubectl get secrets -o json` prints it."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def follow(self, name: str) -> AsyncGenerator[Data | None]:
        """Reads the file, and again whenever it is another one."""
        stamp: object = None
        while True:
            try:
                status = self._file.stat()
                if (status.st_ino, status.st_mtime_ns, status.st_size) != stamp:
                    stamp = status.st_ino, status.st_mtime_ns, status.st_size
                    items: list[Any] = json.loads(self._file.read_text())["items"]
                    yield next((each.get("data") or {} for each in items if each["metadata"]["name"] == name), None)
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise SourceFailed(f"{self._file.name} cannot be read ({type(error).__name__})") from None
            await asyncio.sleep(_POLL)

    def close(self) -> None:
        """Does nothing: the file is opened each time."""
