"""The sysctl sidecar keeps ip_nonlocal_bind, on files of its own in place of /proc/sys. tests/daemons has the real ones."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from hacluster.plan.objects.scripts import script
from tests.waiting import eventually


def test_a_value_that_another_program_sets_is_set_again_within_a_second(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    files = [tmp_path / family / "ip_nonlocal_bind" for family in ("ipv4", "ipv6")]
    for file in files:
        file.parent.mkdir()
        file.write_text("0\n")
    text = script("sysctl.sh").replace("/proc/sys/net", str(tmp_path)).replace("/host/run", str(tmp_path / "run"))
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            ["sh", "-c", text], env={**os.environ, "OWNER": "default_web"}, stderr=log, start_new_session=True
        )

    def check(value: str) -> None:
        assert [file.read_text().strip() for file in files] == [value, value]

    try:
        eventually(lambda: check("1"), within=5)
        for _ in range(2):  # sysctl --system, twice
            for file in files:
                file.write_text("0\n")
            eventually(lambda: check("1"), within=5)
        process.terminate()
        assert process.wait(timeout=5) == 0
        check("0")
        assert "ip_nonlocal_bind was 0 and is 1 again" in (tmp_path / "log").read_text()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
