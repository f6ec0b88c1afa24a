"""Replaces files atomically: a reader sees the old text or the new one, never a part of it."""

import os
from pathlib import Path


def replace_file(file: Path, text: str) -> None:
    """Writes `text` to a new file beside `file` (mode 0644) and renames it to `file`. Raises OSError."""
    new = file.with_name(f".{file.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    with open(descriptor, "w") as opened:  # noqa: PTH123 - a descriptor
        opened.write(text)
    new.replace(file)


def replace_private_file(file: Path, text: str) -> None:
    """As `replace_file`, with mode 0600. Raises OSError."""
    new = file.with_name(f".{file.name}.new")
    new.unlink(missing_ok=True)  # an old one keeps its mode
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:  # noqa: PTH123 - a descriptor
        opened.write(text)
    new.replace(file)
