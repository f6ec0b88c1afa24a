"""Runs short commands, always with a timeout. `steps.run` is for long ones."""

import os
import subprocess
from collections.abc import Iterable, Mapping


def call(
    argv: Iterable[object],
    *,
    env: Mapping[str, str] | None = None,
    input: str | None = None,
    check: bool = True,
    timeout: float = 60,
) -> subprocess.CompletedProcess[str]:
    """Runs a command for at most `timeout` seconds. Raises CommandFailed if it fails and `check` is set."""
    command = [str(a) for a in argv]
    done = subprocess.run(
        command,
        env={**os.environ, **(env or {})},
        input=input or "",  # never the terminal's input
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
    )
    if check and done.returncode != 0:
        raise CommandFailed(done.returncode, command, done.stdout, done.stderr)
    return done


class CommandFailed(subprocess.CalledProcessError):
    """A CalledProcessError whose message has the command's output."""

    def __str__(self) -> str:
        printed = (self.stderr or self.stdout or "").strip()
        return f"{super().__str__()}\n{printed[-2000:]}"
