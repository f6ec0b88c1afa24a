"""`lock_memory`: the measuring processes are locked in memory."""

import os
import subprocess
import sys

import pytest

LOCKED = """
from hacluster.rehearse.client import lock_memory
print(lock_memory())
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmLck")))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may lock any amount of memory")
def test_lock_memory_locks_the_whole_process() -> None:
    locked, kilobytes = subprocess.run([sys.executable, "-c", LOCKED], capture_output=True, text=True, check=True).stdout.split()
    assert locked == "True" and int(kilobytes) > 1000
