"""How one ConfigMap carries the files of all nodes: each file under a key of its own, or packed where they would not fit.

The operator writes with `pack`, the agent reads with `unpack`. Packed, each different text is stored once, compressed, under a key that
is its hash; what is the same on all nodes, such as haproxy.cfg, takes its space once. An index of each node names its texts.
An agent of a version without packing reads the plain form, which is used as long as the files fit.
"""

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from hacluster import names
from hacluster.nodeconfig import File

LARGEST: Final = 1_000_000
"""Bytes of keys and values in one ConfigMap. The API server allows 1 MiB (1 048 576); the rest is a margin."""
_INDEX: Final = "files.json"
"""End of the key of a node's index: a JSON object of file → key of its text."""


@dataclass(frozen=True)
class Packed:
    """The content of a ConfigMap."""

    data: Mapping[str, str]
    binary: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes, as the API server counts them against its limit, and those of the keys."""
        return sum(len(key) + len(text.encode()) for key, text in self.data.items()) + sum(
            len(key) + len(value) for key, value in self.binary.items()
        )


def plain(texts: Mapping[str, Mapping[File, str]]) -> Packed:
    """The content with a key for each file of each node, however large it is."""
    return Packed({names.key(node, file): text for node, files in texts.items() for file, text in files.items()})


def pack(texts: Mapping[str, Mapping[File, str]]) -> Packed:
    """The content for the files of these nodes: plain if they fit (`LARGEST`), otherwise packed. Packed it may be too large as well."""
    found = plain(texts)
    return found if found.size <= LARGEST else _packed(texts)


def unpack(node: str, read: Callable[[str], bytes | None], files: Iterable[File]) -> dict[File, str]:
    """These files of one node. `read` gives the value of a key; None: there is no such key.

    A plain file counts more than a packed one. Raises ValueError where the index or a text cannot be read.
    """
    index = json.loads(read(index_key(node)) or b"{}")
    found = {}
    for file in files:
        if (text := read(names.key(node, file))) is not None:
            found[file] = text.decode()
        elif key := index.get(file.value):
            found[file] = _decompress(key, read(key))
    return found


def index_key(node: str) -> str:
    """Key of the node's index."""
    return names.key(node, _INDEX)


def node_of(key: str) -> str:
    """The node that this key of a ConfigMap tells of (its agent.json, or its index); empty: it is another key."""
    suffix = next((each for each in (f".{File.AGENT.value}", f".{_INDEX}") if key.endswith(each)), "")
    return key.removesuffix(suffix) if suffix else ""


def _packed(texts: Mapping[str, Mapping[File, str]]) -> Packed:
    data, binary = {}, {}
    for node, files in texts.items():
        index = {file.value: _key(text) for file, text in files.items()}
        data[index_key(node)] = json.dumps(index)
        for file, text in files.items():
            key = index[file.value]
            if key not in binary:
                binary[key] = zlib.compress(text.encode(), 9)
    return Packed(data, binary)


def _key(text: str) -> str:
    return f"text-{hashlib.sha256(text.encode()).hexdigest()[:32]}.zlib"


def _decompress(key: str, value: bytes | None) -> str:
    if value is None:
        raise ValueError(f"the text {key} is missing")
    try:
        return zlib.decompress(value).decode()
    except zlib.error as error:
        raise ValueError(f"the text {key} cannot be unpacked: {error}") from None
