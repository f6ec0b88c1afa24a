"""keepalived's track files: flags that change a router's priority, or put it into FAULT (keepalived.conf(5), track_file).

The part of the agent that knows a flag calls `ensure_track` again and again with the value that must hold. It compares it with
the file's content, so that the file is right whatever happened to it, and whichever configuration keepalived has loaded.

keepalived reads a track file when it is closed after writing, and at each start and reload. It takes a missing file for 0, except
at its start, when it creates the file with the value of `init_file`.
"""

import os
from pathlib import Path
from typing import Final

_MOST: Final = 16
"""Bytes: a correct file has one or two, the second a newline that keepalived itself writes (`init_file`)."""


def ensure_track(file: Path, flag: bool) -> bool:
    """Makes the file contain `flag`; returns whether it had to be written. Raises OSError where that is impossible."""
    if read_track(file) is flag:
        return False
    write_track(file, flag)
    return True


def read_track(file: Path) -> bool | None:
    """The flag in the file; None where the file is missing, unreadable or has another content than `0` or `1`."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return {b"0": False, b"1": True}.get(os.pread(descriptor, _MOST, 0).removesuffix(b"\n"))
    except OSError:
        return None
    finally:
        os.close(descriptor)


def write_track(file: Path, flag: bool) -> None:
    """Writes 1 or 0, also where the file has this value already: keepalived reads it again then.

    The file is neither replaced nor emptied, because keepalived may read it at any moment: the value is written over the old one,
    and then what is left of a longer content is cut off.
    """
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.pwrite(descriptor, b"1" if flag else b"0", 0)
        os.ftruncate(descriptor, 1)
    finally:
        os.close(descriptor)
