"""Writes keepalived's track files: a flag that changes a router's priority, or puts it into FAULT (keepalived.conf(5), track_file)."""

import os
from pathlib import Path


def write_track(file: Path, flag: bool) -> None:
    """Writes 1 or 0 over the old value. The file is neither replaced nor emptied: keepalived watches it and may read it at any moment."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.pwrite(descriptor, b"1" if flag else b"0", 0)
    finally:
        os.close(descriptor)
