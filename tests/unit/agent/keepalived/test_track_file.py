"""How keepalived's track files are written: keepalived may read them at any moment."""

import os
from pathlib import Path

import pytest

from hacluster.agent.keepalived.track_file import ensure_track, read_track, write_track


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


@pytest.mark.parametrize(
    ("content", "flag"),
    [("0", False), ("1", True), ("0\n", False), ("1\n", True), ("", None), ("10", None), ("yes", None), (None, None)],
)
def test_only_0_and_1_are_flags(tmp_path: Path, content: str | None, flag: bool | None) -> None:
    file = tmp_path / "track"
    if content is not None:
        file.write_text(content)
    assert read_track(file) is flag


@pytest.mark.parametrize("content", ["1", "1\n", "", "00", "10", "-254 and more than that", None])
def test_a_file_with_another_content_is_written(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "track"
    if content is not None:
        file.write_text(content)
    assert ensure_track(file, flag=False) and file.read_text() == "0"


def test_a_file_with_the_right_content_is_not_written_again(tmp_path: Path) -> None:
    """keepalived would read it at each write, ten times a second."""
    file = tmp_path / "track"
    file.write_text("0\n")
    assert not ensure_track(file, flag=False) and file.read_text() == "0\n"
