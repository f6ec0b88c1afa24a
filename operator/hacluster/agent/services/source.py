"""Where the Services and their EndpointSlices come from.

`status/services.py` is the source of an agent in a pod. `FileSource` is that of an agent without an API server (`hacluster rehearse`).
"""

import asyncio
import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from hacluster.agent.services.objects import Kind, ObjectCache
from hacluster.agent.services.view import ServiceView

Views = Mapping[str, ServiceView]
"""Name of a Service → what is known of it."""
_POLL: Final = 0.05
"""Seconds between two looks at a file."""


class SourceFailed(Exception):
    """The objects cannot be followed now: it has to be tried again. The message is for the log."""


class ServiceSource(Protocol):
    """Where Services are followed."""

    async def follow(self, names: Collection[str], changed: Callable[[Views], None], namespace: str = "") -> None:
        """Calls `changed` with views of all these Services, first as they are and then after each change. Raises SourceFailed.

        `namespace`: that of the Services; empty: the agent's own. Several namespaces are followed side by side.
        """

    def close(self) -> None:
        """Closes the connections."""


class FileSource:
    """Follows the objects in a file: a JSON object with a list `items`, as `kubectl get services,endpointslices -o json` prints it."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def follow(self, names: Collection[str], changed: Callable[[Views], None], namespace: str = "") -> None:
        """Reads the file, and again whenever it is another one. Raises SourceFailed where there is none."""
        stamp: Any = None
        while True:
            try:
                status = self._file.stat()
                if (status.st_ino, status.st_mtime_ns, status.st_size) != stamp:
                    stamp = status.st_ino, status.st_mtime_ns, status.st_size
                    changed(_read(self._file, names, namespace))
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise SourceFailed(f"{self._file}: {error}") from None
            await asyncio.sleep(_POLL)

    def close(self) -> None:
        """Does nothing: the file is opened each time."""


def _read(file: Path, names: Collection[str], namespace: str) -> Views:
    items = json.loads(file.read_text())["items"]
    if namespace:
        items = [each for each in items if each["metadata"].get("namespace") == namespace]
    cache = ObjectCache(names)
    for kind in Kind:
        cache.replace(kind, [each for each in items if each["kind"] == kind.value])
    return cache.views() or {}
