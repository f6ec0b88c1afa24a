"""What `nft` answers: only exit code 0 is a success. The scripts run in tests/dataplane."""

from pathlib import Path

import pytest

from hacluster.agent.handover import netfilter
from hacluster.agent.handover.netfilter import Netfilter


def make_nft(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts a command `nft` with this shell script first in PATH."""
    file = folder / "nft"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


async def test_a_script_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_nft(tmp_path, f"cat >{tmp_path}/script", monkeypatch)
    assert await Netfilter().run("add table ip x\n") == ""
    assert (tmp_path / "script").read_text() == "add table ip x\n"


async def test_a_refusal_is_returned_as_a_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_nft(tmp_path, "cat; echo 'Error: no such module' >&2; exit 1", monkeypatch)
    assert "no such module" in await Netfilter().run("")


async def test_nft_that_does_not_end_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_nft(tmp_path, "exec sleep 60", monkeypatch)
    monkeypatch.setattr(netfilter, "_DEADLINE", 0.1)
    assert "had not finished" in await Netfilter().run("")


async def test_a_missing_nft_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "nft is not installed" in await Netfilter().run("")
