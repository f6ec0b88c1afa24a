"""A test run that is ended by SIGTERM removes what it made."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.waiting import assert_exists, eventually

TEST = """
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent

@pytest.fixture
def made():
    (HERE / "made").touch()
    yield
    (HERE / "removed").touch()

def test_sleeps(made):
    time.sleep(60)
"""
REPOSITORY = Path(__file__).parents[2]


def test_fixtures_end_when_pytest_gets_sigterm(tmp_path: Path) -> None:
    (tmp_path / "test_sleeps.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen([*command, str(tmp_path)], env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        try:
            eventually(lambda: assert_exists(tmp_path / "made"), within=30)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 2, "interrupted"
        finally:
            process.kill()
    assert_exists(tmp_path / "removed")
