"""A node's files and the revision that names them: a hash over all of them, written into the agent's own.

So the files carry their own checksum: whether somebody has tampered with them can be told from themselves.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

from hacluster.nodeconfig import AgentConfig, File
from hacluster.plan.digest import digest

NodeTexts = Mapping[File, str]
"""One node's files."""


def agent_json(config: AgentConfig) -> str:
    """agent.json as it is shipped: without line breaks, as all nodes' files share one ConfigMap."""
    return json.dumps(config.model_dump(mode="json"), ensure_ascii=False) + "\n"


def revision_of(texts: NodeTexts) -> str:
    """The revision that these files should have, whatever they say."""
    return digest({**texts, File.AGENT: _blanked(texts[File.AGENT])}, 12)


def sealed(texts: NodeTexts) -> dict[File, str]:
    """The files with their revision in agent.json."""
    config = AgentConfig.model_validate_json(texts[File.AGENT])
    return {**texts, File.AGENT: agent_json(config.model_copy(update={"revision": revision_of(texts)}))}


def stated(texts: NodeTexts) -> str:
    """The revision that the files say they have; empty: none."""
    return str(_orders(texts.get(File.AGENT, "")).get("revision", ""))


def serves_apache(texts: NodeTexts) -> bool:
    """Whether these files are about an Apache, too."""
    return _orders(texts.get(File.AGENT, "")).get("apache") is not None


def genuine(texts: NodeTexts) -> bool:
    """Whether the files are as the operator wrote them, in this version or an earlier one."""
    return bool(stated(texts)) and stated(texts) == revision_of(texts)


def yielding(texts: NodeTexts, routers: Collection[str]) -> dict[File, str]:
    """The files with other orders: exactly these virtual routers are let go."""
    config = AgentConfig.model_validate_json(texts[File.AGENT])
    changed = tuple(each.model_copy(update={"yields": each.name in routers}) for each in config.routers)
    if changed == config.routers:
        return dict(texts)
    return sealed({**texts, File.AGENT: agent_json(config.model_copy(update={"routers": changed}))})


def _blanked(text: str) -> str:
    """In place, not by reading and writing: an earlier version may have written other fields."""
    revision = json.dumps(_orders(text).get("revision", ""))
    return text.replace(f'"revision": {revision}', '"revision": ""', 1)


def _orders(text: str) -> dict[str, Any]:
    """agent.json, as far as it can be read."""
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
