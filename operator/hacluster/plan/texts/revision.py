"""The revision of a node's files: a hash over all of them, which is stored in the node's agent.json.

The agent reports the revision that it has loaded, and so the operator knows which files run. The hash is also a checksum that the
files carry with them: the roll-out ignores stored files that were changed by hand (`is_unaltered`).
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

from hacluster.nodeconfig import AgentConfig, File
from hacluster.plan.digest import digest
from hacluster.plan.model import NodeTexts


def agent_json(config: AgentConfig) -> str:
    """The text of agent.json. It has no line breaks or indentation, because the files of all nodes share one ConfigMap of at most 1 MiB."""
    return json.dumps(config.model_dump(mode="json"), ensure_ascii=False) + "\n"


def revision_of(texts: NodeTexts) -> str:
    """The revision that follows from the content of the files. The revision that agent.json states does not matter."""
    return digest({**texts, File.AGENT: _without_revision(texts[File.AGENT])}, 12)


def with_revision(texts: NodeTexts) -> dict[File, str]:
    """The files, with their revision in agent.json.

    Raises:
        pydantic.ValidationError: agent.json is no valid `AgentConfig`.

    """
    config = AgentConfig.model_validate_json(texts[File.AGENT])
    return {**texts, File.AGENT: agent_json(config.model_copy(update={"revision": revision_of(texts)}))}


def stated_revision(texts: NodeTexts) -> str:
    """The revision that agent.json states; empty if there is none."""
    return str(_parse_agent_json(texts.get(File.AGENT, "")).get("revision", ""))


def stated_apache(texts: NodeTexts) -> Mapping[str, Any] | None:
    """Address and port of the node's Apache, as agent.json states them, also one of another version. None: it has no Apache."""
    found = _parse_agent_json(texts.get(File.AGENT, "")).get("apache")
    return found if isinstance(found, dict) else None


def serves_apache(texts: NodeTexts) -> bool:
    """Whether the node of these files runs an Apache, as its agent.json says."""
    return stated_apache(texts) is not None


def is_unaltered(texts: NodeTexts) -> bool:
    """Whether the files are unchanged since the operator wrote them, in this version or an earlier one: their checksum is right.

    Somebody else can make a right checksum, too, so agent.json must also be one that can be read.
    """
    if not stated_revision(texts) or stated_revision(texts) != revision_of(texts):
        return False
    try:
        AgentConfig.model_validate_json(texts[File.AGENT])
    except ValidationError:
        return False
    return True


def with_yields(texts: NodeTexts, routers: Collection[str]) -> dict[File, str]:
    """The files, changed so that the node yields exactly these virtual routers; the revision changes too if agent.json does.

    Raises:
        pydantic.ValidationError: agent.json is no valid `AgentConfig`.

    """
    config = AgentConfig.model_validate_json(texts[File.AGENT])
    changed = tuple(each.model_copy(update={"yields": each.name in routers}) for each in config.routers)
    if changed == config.routers:
        return dict(texts)
    return with_revision({**texts, File.AGENT: agent_json(config.model_copy(update={"routers": changed}))})


def _without_revision(text: str) -> str:
    """agent.json with an empty revision.

    Replaced in the text, not by parsing and writing: an earlier version of the operator may have written other fields.
    """
    revision = json.dumps(_parse_agent_json(text).get("revision", ""))
    return text.replace(f'"revision": {revision}', '"revision": ""', 1)


def _parse_agent_json(text: str) -> dict[str, Any]:
    """The content of agent.json; empty if it is no JSON object."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}
