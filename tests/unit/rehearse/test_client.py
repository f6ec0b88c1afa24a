"""What a rehearsal's client asks of its machine."""

import os
import subprocess
import sys

import pytest

LOCKED = """
from hacluster.rehearse.client import stay_in_memory
print(stay_in_memory())
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmLck")))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may lock as much memory as it likes")
def test_who_watches_is_not_paged_out() -> None:
    said, kilobytes = subprocess.run([sys.executable, "-c", LOCKED], capture_output=True, text=True, check=True).stdout.split()
    assert said == "True" and int(kilobytes) > 1000
