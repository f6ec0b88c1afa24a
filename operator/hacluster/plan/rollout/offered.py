"""What the nodes are offered now: their files, read back from the ConfigMaps that carry them."""

from collections.abc import Iterable, Mapping

from hacluster import names
from hacluster.nodeconfig import File
from hacluster.plan.objects.objects import APACHE_FILES
from hacluster.plan.texts.revision import serves_apache


def offered_texts(nodes: Iterable[str], *data: Mapping[str, str]) -> dict[str, dict[File, str]]:
    """What these ConfigMaps' data hold for the nodes: the way back from `config_maps`."""
    together: dict[str, str] = {}
    for each in data:
        together |= each
    found = {node: {file: together[key] for file in File if (key := names.key(node, file)) in together} for node in nodes}
    return {node: _own(files) for node, files in found.items() if files}


def _own(files: dict[File, str]) -> dict[File, str]:
    """Without Apache's, where the node's own orders know of none: they lie about until the last node needs no Apache."""
    return files if serves_apache(files) else {file: text for file, text in files.items() if file not in APACHE_FILES}
