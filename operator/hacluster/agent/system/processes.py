"""Processes by their pid files and /proc: whether they run, whether a signal would kill them, and when they end.

`proc` is a parameter everywhere for the tests. Formats: proc_pid_stat(5), proc_pid_status(5).
"""

import asyncio
import contextlib
import os
from collections.abc import Collection
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
_ENDED: Final = frozenset({"Z", "X"})
"""States of a process that has ended: zombie, dead."""
_STOPPED: Final = frozenset({"T", "t"})


def read_pid(file: Path) -> int | None:
    """The process id in a pid file; None when the file is missing or holds no positive number."""
    try:
        pid = int(file.read_text().strip())
    except (OSError, ValueError):
        return None
    return pid if pid > 0 else None


def alive(pid: int, name: str, proc: Path = PROC) -> bool:
    """Whether a process with this id runs and its name begins with `name`.

    A zombie does not run. The name is compared because the kernel may have given the id of an ended process to another one.
    """
    fields = _stat(pid, proc)
    return fields is not None and fields[0].startswith(name) and fields[1] not in _ENDED


def stopped(pid: int, proc: Path = PROC) -> bool:
    """Whether a process is stopped by a signal (SIGSTOP) or by a debugger: it exists and does nothing."""
    fields = _stat(pid, proc)
    return fields is not None and fields[1] in _STOPPED


def children(pid: int, proc: Path = PROC) -> tuple[int, ...]:
    """The running children of a process.

    A kernel without CONFIG_PROC_CHILDREN has no list of them: then the parent of every process is compared.
    """
    try:
        listed = (proc / f"{pid}/task/{pid}/children").read_text().split()
        found = [int(child) for child in listed]
    except FileNotFoundError:
        found = [int(entry.name) for entry in proc.iterdir() if entry.name.isdigit() and _parent(int(entry.name), proc) == pid]
    except OSError:
        return ()
    return tuple(child for child in found if (fields := _stat(child, proc)) and fields[1] not in _ENDED)


def handles_signal(pid: int, number: int, proc: Path = PROC) -> bool:
    """Whether a process catches a signal, or blocks it (to read it from a signalfd).

    A process that has just started does neither yet, and the signal's default action would kill it.
    """
    try:
        lines = (proc / f"{pid}/status").read_text().splitlines()
    except OSError:
        return False
    masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigBlk:", "SigCgt:"))]
    return any(mask >> (number - 1) & 1 for mask in masks)


def send(pid: int, number: int) -> bool:
    """Sends a signal to a process; False when there is no such process."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


async def any_ends(pids: Collection[int], within: float) -> bool:
    """Waits until any of the processes ends, at most `within` seconds; returns whether one has ended (also before the call)."""
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


def start_time(pid: int, proc: Path = PROC) -> int | None:
    """When a process started, in clock ticks since boot: another process with the same id has another time. None: it has ended."""
    fields = _stat(pid, proc)
    return fields[3] if fields is not None and fields[1] not in _ENDED else None


def _stat(pid: int, proc: Path) -> tuple[str, str, int, int] | None:
    """Name, state (one letter), parent and start time of a process; None when there is no such process."""
    try:
        text = (proc / f"{pid}/stat").read_text()
    except OSError:
        return None
    name, _, rest = text.partition("(")[2].rpartition(")")
    values = rest.split()
    return name, values[0], int(values[1]), int(values[19])


def _parent(pid: int, proc: Path) -> int | None:
    fields = _stat(pid, proc)
    return fields[2] if fields else None
