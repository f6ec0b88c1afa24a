"""Waits for a condition with a deadline, or asserts that a value stays the same for a time.

The error of `eventually` says what was still wrong at the deadline.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def eventually(check: Callable[[], T], *, within: float, every: float = 0.1) -> T:
    """Calls `check` until it raises no AssertionError, and returns its result.

    `within` and `every` are seconds.

    Raises:
        AssertionError: with the text of the last one, when the time is over.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            return check()
        except AssertionError as error:
            if time.monotonic() >= deadline:
                raise AssertionError(f"not within {within:g} s: {error}") from error
        time.sleep(every)


def assert_unchanged(before: T, read: Callable[[], T], *, seconds: float, every: float = 0.1) -> None:
    """Asserts that `read` returns a value equal to `before` for `seconds`; it is called every `every` seconds.

    Raises:
        AssertionError: with both values, as soon as they differ.
    """
    started = time.monotonic()
    while True:
        now = read()
        assert now == before, f"changed after {time.monotonic() - started:.1f} s: {now} is not {before}"
        if time.monotonic() >= started + seconds:
            return
        time.sleep(every)


def assert_exists(file: Path) -> None:
    """A check for `eventually`."""
    assert file.exists(), f"{file} does not exist"


async def eventually_async(condition: Callable[[], bool], *, within: float = 5, every: float = 0.01) -> None:
    """Waits until a condition is true that tasks of the same event loop make true; an OSError in it counts as false.

    `within` and `every` are seconds.

    Raises:
        AssertionError: it was still false when the time was over.
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
