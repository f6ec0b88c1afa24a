"""Runs short commands, such as `nft` or `haproxy -c`, with a deadline."""

import asyncio
import contextlib
from typing import Final

DEADLINE: Final = 20.0
"""Seconds."""
_NOT_INSTALLED: Final = 127
"""The exit code with which a shell reports that a command was not found."""


async def run(*argv: str, text: str = "", deadline: float = DEADLINE) -> tuple[int | None, str]:
    """Runs a command without a shell and returns its exit code and its output (stdout and stderr together). `text` is its input.

    After `deadline` seconds the command is killed: then the code is None, and a message stands in place of the output.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
    except FileNotFoundError:
        return _NOT_INSTALLED, f"{argv[0]} is not installed"
    try:
        async with asyncio.timeout(deadline):
            output, _ = await process.communicate(text.encode())
    except TimeoutError:
        return None, f"{argv[0]} had not finished after {deadline:g} s"
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode, output.decode(errors="replace")
