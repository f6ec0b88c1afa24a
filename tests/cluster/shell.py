"""Short commands: an argument list in, texts out, always with a deadline."""

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
    """Runs a command; a failure's message says what the command complained about."""
    command = [str(a) for a in argv]
    done = subprocess.run(
        command,
        env={**os.environ, **(env or {})},
        input=input or "",  # never the terminal's
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
    """A CalledProcessError that says what the command said."""

    def __str__(self) -> str:
        said = (self.stderr or self.stdout or "").strip()
        return f"{super().__str__()}\n{said[-2000:]}"
