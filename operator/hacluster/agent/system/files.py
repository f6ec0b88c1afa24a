"""Writing files so that no reader ever sees half of one."""

import os
from pathlib import Path


def replace_file(file: Path, text: str) -> None:
    """Writes `text` beside `file` and renames it into place; mode 0644. Raises OSError."""
    new = file.with_name(f".{file.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    with open(descriptor, "w") as opened:  # noqa: PTH123 - a descriptor
        opened.write(text)
    new.replace(file)
