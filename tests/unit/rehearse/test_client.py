"""What a rehearsal's client asks of its machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CLIENT = Path(__file__).parents[3] / "operator" / "hacluster" / "rehearse" / "client.py"
LOCKED = """
print(stay_in_memory())
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmLck")))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may lock as much memory as it likes")
def test_who_watches_is_not_paged_out() -> None:
    text = CLIENT.read_text().partition('\nif __name__ == "__main__":')[0] + LOCKED
    said, kilobytes = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout.split()
    assert said == "True" and int(kilobytes) > 1000
