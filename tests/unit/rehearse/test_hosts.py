"""A daemon of the lab ends like a container: with all its processes."""

import subprocess
from pathlib import Path

from hacluster.rehearse.hosts import Daemon
from tests.waiting import eventually


def runs(pid: int) -> bool:
    """Whether the process runs: nobody may have waited for one that has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_a_daemon_leaves_behind_ends_with_it() -> None:
    script = "trap '' TERM; sleep 300 & child=$!; trap 'exit 0' TERM; echo $child; wait"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        child = int(process.stdout.readline())
        assert runs(child)
        Daemon(process, process.pid).terminate(5)  # type: ignore[arg-type]

        def ended() -> None:
            assert not runs(child)

        eventually(ended, within=5)
