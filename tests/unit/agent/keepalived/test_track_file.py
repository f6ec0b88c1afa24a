"""How keepalived's track files are written: keepalived may read them at any moment."""

import os
from pathlib import Path

import pytest

from hacluster.agent.keepalived.track_file import write_track


def test_the_track_file_is_written_in_place(tmp_path: Path) -> None:
    file = tmp_path / "track"
    write_track(file, flag=True)
    inode = file.stat().st_ino
    write_track(file, flag=False)
    assert (file.read_text(), file.stat().st_ino) == ("0", inode)


def test_the_track_file_is_never_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader between opening and writing finds the old value."""
    file = tmp_path / "track"
    write_track(file, flag=True)
    found = []
    monkeypatch.setattr(os, "pwrite", lambda *_: found.append(file.read_text()))
    write_track(file, flag=False)
    assert found == ["1"]
