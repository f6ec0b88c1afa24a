"""How one ConfigMap carries the files of all nodes."""

import pytest

from hacluster.nodeconfig import File
from hacluster.packing import LARGEST, index_key, pack, unpack

SMALL = {node: {File.HAPROXY: "shared\n", File.AGENT: f"{node}\n"} for node in ("n1", "n2")}
LARGE = {node: {File.HAPROXY: "shared\n" * 100_000, File.AGENT: f"{node}\n" * 10} for node in ("n1", "n2")}


def contents(texts: dict[str, dict[File, str]]) -> dict[str, bytes]:
    """What an agent finds in its mounted ConfigMap."""
    packed = pack(texts)
    return {key: text.encode() for key, text in packed.data.items()} | dict(packed.binary)


def test_files_that_fit_are_plain_and_readable() -> None:
    packed = pack(SMALL)
    assert packed.data == {
        "n1.haproxy.cfg": "shared\n", "n1.agent.json": "n1\n", "n2.haproxy.cfg": "shared\n", "n2.agent.json": "n2\n",
    }  # fmt: skip
    assert not packed.binary


def test_files_that_do_not_fit_are_packed_and_what_is_shared_is_there_once() -> None:
    packed = pack(LARGE)
    assert set(packed.data) == {index_key("n1"), index_key("n2")}
    assert len(packed.binary) == 3 and packed.size < LARGEST // 100


@pytest.mark.parametrize("texts", [SMALL, LARGE])
def test_each_node_reads_its_own_files(texts: dict[str, dict[File, str]]) -> None:
    found = contents(texts)
    assert {node: unpack(node, found.get, File) for node in texts} == texts
    assert unpack("n3", found.get, File) == {}


def test_a_plain_file_counts_more_than_a_packed_one() -> None:
    """While the form changes, both may be there; the kubelet delivers a ConfigMap as a whole, and other keys may have been added."""
    found = {**contents(LARGE), "n1.agent.json": b"plain\n"}
    assert unpack("n1", found.get, File) == {**LARGE["n1"], File.AGENT: "plain\n"}


def test_what_cannot_be_read_is_an_error() -> None:
    found = contents(LARGE)
    key = next(key for key in found if key.startswith("text-"))
    for broken in ({**found, key: b"no zlib"}, {name: each for name, each in found.items() if name != key}):
        with pytest.raises(ValueError, match=r"text-.* (is missing|cannot be unpacked)"):
            for node in LARGE:
                unpack(node, broken.get, File)
    with pytest.raises(ValueError, match="Expecting"):
        unpack("n1", {**found, index_key("n1"): b"{"}.get, File)
