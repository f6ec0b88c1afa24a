"""One way to wait: try until it holds, with a deadline that says what was still wrong."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(check: Callable[[], T], *, within: float, every: float = 0.1) -> T:
    """The first result of `check` that raises no AssertionError.

    `check` asserts what must come true; `within` and `every` are seconds.

    Raises:
        AssertionError: the last one, when the time is over.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            return check()
        except AssertionError as error:
            if time.monotonic() >= deadline:
                raise AssertionError(f"not within {within:g} s: {error}") from error
        time.sleep(every)


async def eventually_async(condition: Callable[[], bool], *, within: float = 3, every: float = 0.01) -> None:
    """As `eventually`, for a condition that tasks of the same event loop make true.

    Raises:
        AssertionError: it was still false when the time was over; an OSError in it counts as false.
    """

    def holds() -> bool:
        try:
            return condition()
        except OSError:
            return False

    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"not within {within:g} s"
        await asyncio.sleep(every)
