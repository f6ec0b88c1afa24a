"""`make walk`: runs `python -m walk` (`walk/__main__.py`) in the node image and shows its lines as they come.

python -m tests.dataplane.run_walk [fields | samples | random] [--seed N] [--steps M] [--from K] [--only REGEX] [--fresh N]
"""

import os
import signal
import subprocess
import sys

from tests.cluster import engine
from tests.cluster.engines import detect
from tests.dataplane.conftest import node_image_command


def main() -> int:
    """Runs the walk; returns its exit code."""
    chosen, name = detect(), f"hacluster-walk-{os.getpid()}"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the container is removed
    command = [chosen.name, *node_image_command(name, "python", "-u", "-m", "walk", *sys.argv[1:])]
    try:
        return subprocess.run(command, env={**os.environ, **chosen.env}, check=False).returncode
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one would end the removal
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        engine("rm", "--force", "--time", "0", name, check=False)


if __name__ == "__main__":
    sys.exit(main())
