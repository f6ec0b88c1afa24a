"""Reading a node's files from the mounted ConfigMap, and noticing that they changed."""

from pathlib import Path

import pytest

from hacluster import names
from hacluster.agent.config.bundle import BadBundle, fingerprint, parse_bundle, read_offered
from hacluster.nodeconfig import File
from tests.unit.agent.config.node import bundle, write_offered


def test_a_node_reads_its_own_files(tmp_path: Path) -> None:
    assert read_offered(tmp_path, "node1") is None
    write_offered(tmp_path, bundle())
    assert read_offered(tmp_path, "node1") == bundle()
    assert read_offered(tmp_path, "node2") is None


def test_the_message_names_the_missing_files(tmp_path: Path) -> None:
    write_offered(tmp_path, {File.AGENT: "{}"})
    with pytest.raises(BadBundle, match=r"lacks keepalived\.conf, haproxy\.cfg"):
        read_offered(tmp_path, "node1")


def test_the_message_names_the_invalid_field_of_agent_json() -> None:
    with pytest.raises(BadBundle, match=r"agent\.json: cluster"):
        parse_bundle({File.KEEPALIVED: "", File.HAPROXY: "", File.AGENT: "{}"})


def test_the_fingerprint_changes_when_the_kubelet_switches_its_link(tmp_path: Path) -> None:
    for name in ("..1", "..2"):
        (tmp_path / name).mkdir()
    (tmp_path / "..data").symlink_to("..1")
    before = fingerprint(tmp_path, "node1")
    assert fingerprint(tmp_path, "node1") == before
    (tmp_path / "..tmp").symlink_to("..2")
    (tmp_path / "..tmp").replace(tmp_path / "..data")
    assert fingerprint(tmp_path, "node1") != before


def test_the_fingerprint_changes_without_a_kubelet_too(tmp_path: Path) -> None:
    before = fingerprint(tmp_path, "node1")
    write_offered(tmp_path, bundle())
    assert fingerprint(tmp_path, "node1") != before


def test_all_files_of_a_new_node_are_read_before_the_kubelet_has_made_all_links(tmp_path: Path) -> None:
    """The kubelet swaps `..data` first, and makes the visible links of new keys one by one after that."""
    delivered = tmp_path / "..2026"
    delivered.mkdir()
    for file, text in bundle().texts.items():
        (delivered / names.key("node1", file.value)).write_text(text)
    (tmp_path / "..data").symlink_to("..2026")
    first = names.key("node1", File.KEEPALIVED.value)
    (tmp_path / first).symlink_to(f"..data/{first}")
    assert read_offered(tmp_path, "node1") == bundle()
