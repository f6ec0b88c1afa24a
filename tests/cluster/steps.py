"""Runs long steps: prints what they do, how long they took, and why one failed.

`step` is for a block of code, `run` for one command, whose output goes to a log in the cache. The times of all steps are stored
there as well: `python -m tests.cluster timings` prints them.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from . import cache

# Progress goes to standard error, so that standard output has a command's result alone.
_console = Console(stderr=True, highlight=False)
_HEARTBEAT = 15.0  # seconds between lines of progress where there is no terminal
_TAIL = 30  # lines of a failed command's log that are shown


class StepFailed(Exception):
    """A step failed; the message has the reason, and the last lines of the log if there is one."""


@dataclass
class Clock:
    """The start of this process, and the seconds of each of its steps by name, in order."""

    started: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)


_clock = Clock()


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """Prints the start and end of a step, and records its time if it succeeded."""
    started = time.monotonic()
    _print(f"[bold]>[/] {name}")
    try:
        yield
    except BaseException:
        _print(f"[red]x[/] {name} [dim]after {time.monotonic() - started:.1f} s[/]")
        raise
    elapsed = time.monotonic() - started
    _print(f"[green]+[/] {name} [dim]{elapsed:.1f} s[/]")
    _record(name, elapsed)


def run(
    name: str, argv: Iterable[object], *, env: Mapping[str, str] | None = None, cwd: Path | None = None, timeout: float = 3600
) -> None:
    """Runs one long command as a step, for at most `timeout` seconds; its output goes to a log, and its last line to a terminal.

    Raises:
        StepFailed: the command failed or was not finished in time; the message has the end of the log.

    """
    log = cache.root() / "logs" / f"{''.join(c if c.isalnum() else '-' for c in name)}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with step(name), log.open("wb") as output:
        # A process group of its own, so that `_end` also ends the command's children.
        process = subprocess.Popen(
            [str(a) for a in argv],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})}, cwd=cwd, process_group=0,
        )  # fmt: skip
        try:
            code = _watch(name, process, log, timeout)
        except BaseException:
            _end(process)
            raise
        if code != 0:
            raise StepFailed(f"{name}: exit code {code}; the end of {log}:\n{tail(log)}")


def tail(log: Path, lines: int = _TAIL) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def timings() -> dict[str, float]:
    """The seconds that each step took when it ran last, from the cache; {} if there are none."""
    try:
        loaded: dict[str, float] = json.loads((cache.root() / "timings.json").read_text())
    except (OSError, ValueError):
        return {}
    return loaded


def table(seconds: Mapping[str, float] | None = None) -> None:
    """Prints the seconds of each step: those of this process, or `seconds`."""
    chosen = _clock.seconds if seconds is None else seconds
    if not chosen:
        return
    rows = Table("step", "seconds", title="where the time went", title_justify="left")
    rows.columns[1].justify = "right"
    for name, value in chosen.items():
        rows.add_row(name, f"{value:.1f}")
    if seconds is None:
        rows.add_row("[bold]altogether", f"[bold]{time.monotonic() - _clock.started:.1f}")
    _console.print(rows)


def print_line(text: str) -> None:
    """Prints one line of progress; brackets are not markup."""
    _print(text.replace("[", r"\["))


def _print(markup: str) -> None:
    _console.print(markup, soft_wrap=True)


def _record(name: str, elapsed: float) -> None:
    _clock.seconds[name] = _clock.seconds.get(name, 0.0) + elapsed
    known = timings()
    known.pop(name, None)  # so that the newest is the last
    cache.write(cache.root() / "timings.json", json.dumps(known | {name: round(elapsed, 1)}, indent=1))


def _watch(name: str, process: subprocess.Popen[bytes], log: Path, timeout: float) -> int:
    """Waits for the exit code and shows progress: on a terminal a spinner with the log's last line, else a line every 15 s."""
    started = time.monotonic()
    status = _console.status("") if _console.is_terminal else contextlib.nullcontext()
    next_line = started + _HEARTBEAT
    with status as spinner:
        while True:
            try:
                return process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                now = time.monotonic()
            if now - started > timeout:
                raise StepFailed(f"{name}: not finished after {timeout:.0f} s; the end of {log}:\n{tail(log)}")
            if spinner:
                spinner.update(f"{now - started:.0f} s  [dim]{tail(log, 1)[:100]}".replace("[/", r"\[/"))
            elif now >= next_line:
                next_line = now + _HEARTBEAT
                print(f"  {name} ... {now - started:.0f} s", file=sys.stderr, flush=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the process group, and SIGKILL after ten seconds."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
            return
