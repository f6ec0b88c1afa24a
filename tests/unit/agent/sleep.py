"""A real process for tests that watch one."""

import subprocess
import sys


def sleeping_process() -> "subprocess.Popen[bytes]":
    """Starts a process that sleeps for a minute; the test ends it."""
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
