"""Long steps that say what they do, how long it took, and on failure why; and a record of where the time went."""

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

# Standard error, so that what a command prints for other programs stays clean.
_console = Console(stderr=True, highlight=False)
_HEARTBEAT = 15.0  # seconds between signs of life where there is no terminal
_TAIL = 30  # lines of a failed command's log that are shown


class StepFailed(Exception):
    """A step did not work; the message is for a person and ends with the last lines of the log."""


@dataclass
class Clock:
    """The steps of this process, by name, in order."""

    started: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)


_clock = Clock()


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """Announces a step, and records its time when it succeeded."""
    started = time.monotonic()
    _say(f"[bold]>[/] {name}")
    try:
        yield
    except BaseException:
        _say(f"[red]x[/] {name} [dim]after {time.monotonic() - started:.1f} s[/]")
        raise
    elapsed = time.monotonic() - started
    _say(f"[green]+[/] {name} [dim]{elapsed:.1f} s[/]")
    _record(name, elapsed)


def run(
    name: str, argv: Iterable[object], *, env: Mapping[str, str] | None = None, cwd: Path | None = None, timeout: float = 3600
) -> None:
    """Runs one long command as a step: its output goes to a log, its last line is shown while it works, its end when it fails."""
    log = cache.root() / "logs" / f"{''.join(c if c.isalnum() else '-' for c in name)}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with step(name), log.open("wb") as output:
        # A process group of its own, so that an interrupt ends the command's children too, wherever it came from.
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
    """Seconds that each step took when it last ran, kept in the cache."""
    try:
        loaded: dict[str, float] = json.loads((cache.root() / "timings.json").read_text())
    except (OSError, ValueError):
        return {}
    return loaded


def table(seconds: Mapping[str, float] | None = None) -> None:
    """Prints where the time went: in this process, or what `seconds` says."""
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


def say(text: str) -> None:
    """One plain line for the person who waits."""
    _say(text.replace("[", r"\["))


def _say(markup: str) -> None:
    _console.print(markup, soft_wrap=True)


def _record(name: str, elapsed: float) -> None:
    _clock.seconds[name] = _clock.seconds.get(name, 0.0) + elapsed
    known = timings()
    known.pop(name, None)  # so that the newest comes last
    cache.write(cache.root() / "timings.json", json.dumps(known | {name: round(elapsed, 1)}, indent=1))


def _watch(name: str, process: subprocess.Popen[bytes], log: Path, timeout: float) -> int:
    """Waits, showing signs of life: a spinner with the log's last line on a terminal, else a line now and then."""
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
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
            return
