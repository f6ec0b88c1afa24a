"""Short commands with a deadline."""

import asyncio
import contextlib
from typing import Final

DEADLINE: Final = 20.0
_LOST: Final = 127


async def run(*argv: str, deadline: float = DEADLINE) -> tuple[int | None, str]:
    """Exit code and everything the command said; the code is None when it had to be ended at the deadline."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
    except FileNotFoundError:
        return _LOST, f"{argv[0]} is not installed"
    try:
        async with asyncio.timeout(deadline):
            said, _ = await process.communicate()
    except TimeoutError:
        return None, f"{argv[0]} had not finished after {deadline:g} s"
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode, said.decode(errors="replace")
