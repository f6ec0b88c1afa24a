"""One node's files as a whole: what is wanted (the mounted ConfigMap) and what is installed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from hacluster import names
from hacluster.agent.paths import Paths
from hacluster.nodeconfig import AgentConfig, File

LOADED: Final = (File.HAPROXY, File.KEEPALIVED)
"""The files that a daemon judges and reloads, in that order: a virtual IP follows what serves it."""
FILES: Final = (*LOADED, File.RSYSLOG, File.AGENT)
_REQUIRED: Final = (File.KEEPALIVED, File.HAPROXY, File.AGENT)


class BadBundle(Exception):
    """The files do not belong together, or cannot be read; the message is for people."""


@dataclass(frozen=True)
class Bundle:
    """The texts, and what the agent's own says."""

    texts: Mapping[File, str]
    config: AgentConfig

    def changed_from(self, other: "Bundle | None") -> tuple[File, ...]:
        """The files whose text differs."""
        before: Mapping[File, str] = other.texts if other else {}
        return tuple(file for file in FILES if self.texts.get(file) != before.get(file))


def parse_bundle(texts: Mapping[File, str]) -> Bundle:
    """Raises BadBundle."""
    missing = [file.value for file in _REQUIRED if file not in texts]
    if missing:
        raise BadBundle(f"the node's configuration lacks {', '.join(missing)}")
    try:
        return Bundle(dict(texts), AgentConfig.model_validate_json(texts[File.AGENT]))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise BadBundle(f"agent.json: {where}: {first['msg']}") from None


def read_offered(directory: Path, node: str) -> Bundle | None:
    """What the ConfigMap holds for this node; None when it holds nothing. Raises BadBundle, OSError."""
    while True:
        delivery = _delivery(directory)
        texts = _read({file: delivery / names.key(node, file.value) for file in FILES})
        if _delivery(directory) == delivery:  # else it was swapped, and perhaps removed, while it was read
            return parse_bundle(texts) if texts else None


def _delivery(directory: Path) -> Path:
    """The folder of one delivery of the kubelet, which is whole; the links beside it are made one by one, after the swap."""
    data = directory / "..data"
    return data.resolve() if data.is_symlink() else directory


def read_good(paths: Paths) -> Bundle | None:
    """What was last loaded; None before the first time. Raises OSError."""
    try:
        return parse_bundle(_read({file: paths.good(file) for file in FILES}))
    except BadBundle:
        return None


def read_live(paths: Paths) -> Mapping[File, str]:
    """The texts that the daemons would start with."""
    return _read({file: paths.live(file) for file in FILES})


def fingerprint(directory: Path, node: str) -> tuple[object, ...]:
    """Differs when the files may. The kubelet swaps one symbolic link; elsewhere the files' own times and sizes have to do."""
    try:
        return (directory.joinpath("..data").readlink(),)
    except OSError:
        return tuple(_stamp(directory / names.key(node, file.value)) for file in FILES)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def _read(files: Mapping[File, Path]) -> dict[File, str]:
    texts = {}
    for file, path in files.items():
        try:
            texts[file] = path.read_text()
        except FileNotFoundError:
            continue
    return texts
