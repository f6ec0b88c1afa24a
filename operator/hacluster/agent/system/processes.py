"""Processes by their pid files and /proc: who lives, who would survive a signal, and when somebody ends."""

import asyncio
import contextlib
import os
from collections.abc import Collection
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")


def read_pid(file: Path) -> int | None:
    """The process id in a pid file; None when it is missing or no number."""
    try:
        pid = int(file.read_text().strip())
    except (OSError, ValueError):
        return None
    return pid if pid > 0 else None


def alive(pid: int, name: str, proc: Path = PROC) -> bool:
    """Whether a process of that name lives: a zombie does not, and a pid may have gone to somebody else."""
    fields = _stat(pid, proc)
    return fields is not None and fields[0].startswith(name) and fields[1] not in {"Z", "X"}


def children(pid: int, proc: Path = PROC) -> tuple[int, ...]:
    """The living children of a process, by a list that not every kernel has, or else by everybody's parent."""
    try:
        listed = (proc / f"{pid}/task/{pid}/children").read_text().split()
        found = [int(child) for child in listed]
    except FileNotFoundError:
        found = [int(entry.name) for entry in proc.iterdir() if entry.name.isdigit() and _parent(int(entry.name), proc) == pid]
    except OSError:
        return ()
    return tuple(child for child in found if (fields := _stat(child, proc)) and fields[1] not in {"Z", "X"})


def handles(pid: int, number: int, proc: Path = PROC) -> bool:
    """Whether a process catches a signal, or blocks it to read it elsewhere: early in its life it would be ended by it."""
    try:
        lines = (proc / f"{pid}/status").read_text().splitlines()
    except OSError:
        return False
    masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigBlk:", "SigCgt:"))]
    return any(mask >> (number - 1) & 1 for mask in masks)


def send(pid: int, number: int) -> bool:
    """Signals a process; False when it is gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


async def any_ends(pids: Collection[int], within: float) -> bool:
    """Waits until any of the processes ends, at once when one is gone already; False when the time is over."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    with contextlib.ExitStack() as stack:
        for pid in pids:
            try:
                descriptor = os.pidfd_open(pid)
            except ProcessLookupError:
                return True
            stack.callback(os.close, descriptor)
            loop.add_reader(descriptor, ended.set)
            stack.callback(loop.remove_reader, descriptor)
        try:
            async with asyncio.timeout(within):
                await ended.wait()
        except TimeoutError:
            return False
        return True


def _stat(pid: int, proc: Path) -> tuple[str, str, int] | None:
    """Name, state and parent."""
    try:
        text = (proc / f"{pid}/stat").read_text()
    except OSError:
        return None
    name, _, rest = text.partition("(")[2].rpartition(")")
    state, parent = rest.split()[:2]
    return name, state, int(parent)


def _parent(pid: int, proc: Path) -> int | None:
    fields = _stat(pid, proc)
    return fields[2] if fields else None
