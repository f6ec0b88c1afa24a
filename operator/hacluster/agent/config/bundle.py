"""One node's configuration files as a unit.

A `Bundle` is read from the mounted ConfigMap (`read_offered`) or from the copies of the last good files (`read_good`). The files
belong together, so they are read, installed and taken back together.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from hacluster import names
from hacluster.agent.paths import Paths
from hacluster.agent.services.lines import without_servers
from hacluster.nodeconfig import AgentConfig, File
from hacluster.packing import index_key, unpack

DAEMON_FILES: Final = (File.HAPROXY, File.KEEPALIVED)
"""The files that a daemon checks and reloads, in this order: HAProxy has to serve before keepalived brings a virtual IP."""
FILES: Final = (*DAEMON_FILES, File.RSYSLOG, File.AGENT)
_REQUIRED: Final = (File.KEEPALIVED, File.HAPROXY, File.AGENT)


Complete = Callable[[str, AgentConfig], str]
"""Adds the present endpoints of Services to haproxy.cfg of a configuration."""


def unchanged(text: str, _: AgentConfig) -> str:
    """Adds none."""
    return text


class BadBundle(Exception):
    """A file is missing, or agent.json is not valid. The message is for the user."""


@dataclass(frozen=True)
class Bundle:
    """The text of each file, and the parsed agent.json."""

    texts: Mapping[File, str]
    config: AgentConfig

    def changed_from(self, other: "Bundle | None") -> tuple[File, ...]:
        """The files whose text differs from `other`'s; all of them where `other` is None."""
        before: Mapping[File, str] = other.texts if other else {}
        return tuple(file for file in FILES if self.texts.get(file) != before.get(file))


def parse_bundle(texts: Mapping[File, str]) -> Bundle:
    """The bundle of these texts. Raises BadBundle."""
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
    """This node's files in the mounted ConfigMap; None when there are none. Raises BadBundle, OSError."""
    while True:
        version = _current_version(directory)
        texts = _unpack(version, node)
        if _current_version(directory) == version:  # else the kubelet replaced it while it was read
            return parse_bundle(texts) if texts else None


def _unpack(directory: Path, node: str) -> dict[File, str]:
    def read(key: str) -> bytes | None:
        try:
            return (directory / key).read_bytes()
        except FileNotFoundError:
            return None

    try:
        return unpack(node, read, FILES)
    except (ValueError, AttributeError) as error:
        raise BadBundle(f"the node's configuration cannot be read: {error}") from None


def _current_version(directory: Path) -> Path:
    """The directory with the ConfigMap's current version.

    The kubelet writes each version into a new directory and then switches the symbolic link `..data` to it. Only there all keys
    are of one version: the links beside `..data` are made one by one, after the switch.
    """
    data = directory / "..data"
    return data.resolve() if data.is_symlink() else directory


def read_good(paths: Paths) -> Bundle | None:
    """The files that were last loaded; None when no configuration was loaded yet. Raises OSError."""
    try:
        return parse_bundle(_read({file: paths.good(file) for file in FILES}))
    except BadBundle:
        return None


def read_live(paths: Paths) -> Mapping[File, str]:
    """The texts of the files that the daemons read when they start, without the endpoints in haproxy.cfg. Raises OSError."""
    found = _read({file: paths.live(file) for file in FILES})
    return {file: without_servers(text) if file is File.HAPROXY else text for file, text in found.items()}


def read_live_config(paths: Paths) -> AgentConfig | None:
    """agent.json beside these files; None where somebody has removed or changed files so that it cannot be read. Raises OSError."""
    try:
        return parse_bundle(_read({file: paths.live(file) for file in FILES})).config
    except BadBundle:
        return None


def fingerprint(directory: Path, node: str) -> tuple[object, ...]:
    """A cheap value that changes whenever the files change; it can be compared and nothing else.

    In a pod it is the target of the kubelet's link `..data`. In a directory without that link (unit tests) it is
    each file's inode, time and size.
    """
    try:
        return (directory.joinpath("..data").readlink(),)
    except OSError:
        keys = (*(names.key(node, file.value) for file in FILES), index_key(node))
        return tuple(_stamp(directory / key) for key in keys)


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
