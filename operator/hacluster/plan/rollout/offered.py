"""The files that the nodes are offered now, read back from the ConfigMaps that carry them.

`control/rollout.py` compares them with the plan's files; the difference is what a roll-out still has to change.
"""

from collections.abc import Iterable, Mapping

from hacluster import names
from hacluster.nodeconfig import File
from hacluster.plan.objects.objects import APACHE_FILES
from hacluster.plan.texts.revision import serves_apache


def offered_texts(nodes: Iterable[str], *data: Mapping[str, str]) -> dict[str, dict[File, str]]:
    """Node → its files, out of the data of the ConfigMaps: the inverse of `config_maps`. A node without any file is left out."""
    together: dict[str, str] = {}
    for each in data:
        together |= each
    found = {node: {file: together[key] for file in File if (key := names.key(node, file)) in together} for node in nodes}
    return {node: _own(files) for node, files in found.items() if files}


def _own(files: dict[File, str]) -> dict[File, str]:
    """The files without Apache's, where the node's agent.json has no Apache.

    Apache's files stay in their ConfigMap until no node needs them any more, so they do not mean that this node runs Apache.
    """
    return files if serves_apache(files) else {file: text for file, text in files.items() if file not in APACHE_FILES}
