"""Of all kinds of tests: the option of the golden tests, SIGTERM, and failures that are repeated after several runs of pytest."""

import os
import signal
from pathlib import Path
from typing import NoReturn

import pytest

_MESSAGE = 1500
"""Characters of a failure's message."""
_OUTPUT = 12
"""Lines of a failed test's captured output: the last ones."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write what is rendered now as what is expected")


def pytest_configure(config: pytest.Config) -> None:
    """SIGTERM ends pytest as Ctrl-C does, so that fixtures remove clusters and hosts. pytest-xdist ends its workers itself."""
    if not hasattr(config, "workerinput"):
        signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one would end the removal
    raise KeyboardInterrupt("SIGTERM")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Adds the failures to the file `$FAILURES`: `make test` runs pytest several times, and prints them at its end."""
    path = os.environ.get("FAILURES")
    if not path or hasattr(terminalreporter.config, "workerinput"):  # pytest-xdist: its workers call this, too
        return
    reports = [each for outcome in ("failed", "error") for each in terminalreporter.stats.get(outcome, ())]
    with Path(path).open("a") as file:
        for each in reports:
            crash = getattr(each.longrepr, "reprcrash", None)
            message = f"{crash.path}:{crash.lineno}: {crash.message}" if crash else str(each.longrepr)
            output = [line for _, text in each.sections for line in text.splitlines()][-_OUTPUT:]
            print(f"── {each.nodeid} ({each.when}, {each.duration:.0f} s)\n{message[:_MESSAGE]}", *output, sep="\n", file=file)
