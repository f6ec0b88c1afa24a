"""The files that the nodes are offered now, read back from the ConfigMaps that carry them.

`control/rollout.py` compares them with the plan's files; the difference is what a roll-out still has to change.
"""

import base64
import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from hacluster.nodeconfig import AgentConfig, File, Router
from hacluster.packing import node_of, unpack
from hacluster.plan.model import Texts
from hacluster.plan.objects.objects import APACHE_FILES
from hacluster.plan.texts.revision import serves_apache


def offered_texts(nodes: Iterable[str], *config_maps: Mapping[str, Any] | None) -> dict[str, dict[File, str]]:
    """Node → its files, out of the ConfigMaps (None: it does not exist): the inverse of `config_maps`. A node without files is left out.

    What cannot be read, because somebody has changed the ConfigMap, is left out as well.
    """
    together: dict[str, bytes] = {}
    for each in config_maps:
        together |= _content(each or {})
    found = {node: _unpack(node, together) for node in nodes}
    return {node: _own(files) for node, files in found.items() if files}


def offered_nodes(*config_maps: Mapping[str, Any] | None) -> list[str]:
    """The nodes that the ConfigMaps have files of."""
    found = (node_of(key) for each in config_maps for key in (each or {}).get("data") or {})
    return list(dict.fromkeys(filter(None, found)))


def offered_priorities(texts: Texts) -> dict[str, int]:
    """Node → the priority of its first virtual router in its agent.json. A file that cannot be read is left out.

    It stands in for `status.priorities` where that was lost: so the nodes keep their order.
    """
    return {node: routers[0].priority for node, routers in _offered_routers(texts).items() if routers}


def first_nodes(texts: Texts) -> dict[str, str]:
    """Virtual router → the node with the highest priority in its agent.json; left out where several have that priority."""
    ranked: dict[str, list[tuple[int, str]]] = {}
    for node, routers in _offered_routers(texts).items():
        for router in routers:
            ranked.setdefault(router.name, []).append((router.priority, node))
    found = {}
    for name, members in ranked.items():
        (top, node), *rest = sorted(members, reverse=True)
        if not any(priority == top for priority, _ in rest):
            found[name] = node
    return found


def _offered_routers(texts: Texts) -> dict[str, tuple[Router, ...]]:
    """Node → the virtual routers in its agent.json. A file that cannot be read is left out."""
    found = {}
    for node, files in texts.items():
        with contextlib.suppress(ValidationError):
            found[node] = AgentConfig.model_validate_json(files.get(File.AGENT, "")).routers
    return found


def _content(config_map: Mapping[str, Any]) -> dict[str, bytes]:
    text = {key: str(value).encode() for key, value in (config_map.get("data") or {}).items()}
    with contextlib.suppress(ValueError):
        text |= {key: base64.b64decode(value) for key, value in (config_map.get("binaryData") or {}).items()}
    return text


def _unpack(node: str, content: Mapping[str, bytes]) -> dict[File, str]:
    try:
        return unpack(node, content.get, File)
    except (ValueError, AttributeError):
        return {}


def _own(files: dict[File, str]) -> dict[File, str]:
    """The files without Apache's, where the node's agent.json has no Apache.

    Apache's files stay in their ConfigMap until no node needs them any more, so they do not mean that this node runs Apache.
    """
    return files if serves_apache(files) else {file: text for file, text in files.items() if file not in APACHE_FILES}
