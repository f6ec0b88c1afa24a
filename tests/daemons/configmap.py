"""Delivers ConfigMaps in a directory that containers mount, as the kubelet does."""

import uuid
from collections.abc import Mapping
from pathlib import Path


def deliver(folder: Path, texts: Mapping[str, str]) -> None:
    """Writes files into a new directory, and replaces atomically one symbolic link, `..data`, through which all files are read.

    `texts`: key of the ConfigMap → content. Every user can read the folder, because not all daemons run as root.
    """
    new = folder / f"..{uuid.uuid4().hex}"
    new.mkdir(parents=True)
    folder.chmod(0o755)
    for key, text in texts.items():
        (new / key).write_text(text)
        if not (folder / key).is_symlink():
            (folder / key).symlink_to(Path("..data") / key)
    (folder / "..data_tmp").symlink_to(new.name)
    (folder / "..data_tmp").replace(folder / "..data")
