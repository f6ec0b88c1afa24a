"""What a rehearsal looks for on the machine, and where."""

import os
from pathlib import Path

import pytest

from hacluster.rehearse import requirements


def test_daemons_are_found_and_run_where_the_users_path_lacks_their_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in {*requirements._PACKAGES}:
        (tmp_path / name).write_text("#!/bin/sh\necho Keepalived v2.3.3\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(requirements, "_SYSTEM", (str(tmp_path),))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(requirements.CannotRehearse, match="keepalived"):
        requirements.check_machine()
    requirements.extend_path()
    requirements.extend_path()
    assert os.environ["PATH"] == f"/nowhere:{tmp_path}"
    requirements.check_machine()
    assert requirements.keepalived_version() == (2, 3, 3)
