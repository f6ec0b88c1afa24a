"""The digests of credentials as files in the run directory, one for each Secret. HAProxy reads them when it starts or reloads.

The directory is in memory (an emptyDir of the pod) and outlives the containers: a daemon or an agent that is restarted while the API
server is away goes on with the last good ones.
"""

import os
from collections.abc import Collection
from pathlib import Path

from hacluster.agent.secrets.credentials import is_digest


class CredentialFiles:
    """The files. All methods raise OSError."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self, name: str) -> str | None:
        """The digest in the file of this Secret; None where there is no file, or it has something else."""
        try:
            text = (self._directory / name).read_text().rstrip("\n")
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        return text if is_digest(text) else None

    def write(self, name: str, digest: str) -> None:
        """Replaces the file by a rename. Only root, as which HAProxy starts, may read it."""
        self._directory.mkdir(mode=0o700, exist_ok=True)
        new = self._directory / ".new"  # no Secret's name begins with a dot
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w") as opened:  # noqa: PTH123 - a descriptor
            opened.write(f"{digest}\n")
        new.replace(self._directory / name)

    def keep_only(self, names: Collection[str]) -> None:
        """Removes the files of all other Secrets: credentials that the resource does not name any more must not come back."""
        if self._directory.is_dir():
            for file in self._directory.iterdir():
                if file.name not in names:
                    file.unlink(missing_ok=True)
