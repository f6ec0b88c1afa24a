"""The passwords of advertisements in a rehearsal, which has no Secrets of the user: the lab makes one for each that a resource names.

The password follows from the name, so that two labs with the same resource have the same files.
"""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from hacluster.agent.system.files import replace_private_file
from hacluster.agent.vrrp.authentication import with_password
from hacluster.nodeconfig import AgentConfig, Authentication, File
from hacluster.plan.model import NodeTexts


def provide_password(file: Path, texts: NodeTexts) -> None:
    """Adds the Secret that the node's files name to the file that agents follow, unless it is there. Raises OSError."""
    if wanted := _authentication(texts):
        items: list[Any] = json.loads(file.read_text())["items"] if file.exists() else []
        data = next((each["data"] for each in items if each["metadata"]["name"] == wanted.name), None)
        if data is None:
            data = {}
            items.append({"metadata": {"name": wanted.name}, "data": data})
        if wanted.key not in data:
            data[wanted.key] = base64.b64encode(_password(wanted).encode()).decode()
            replace_private_file(file, json.dumps({"items": items}))


def completed(texts: NodeTexts, file: File) -> str:
    """The file as a daemon without an agent reads it."""
    wanted = _authentication(texts)
    return with_password(texts[file], _password(wanted)) if wanted and file is File.KEEPALIVED else texts[file]


def _authentication(texts: NodeTexts) -> Authentication | None:
    return AgentConfig.model_validate_json(texts[File.AGENT]).authentication if File.AGENT in texts else None


def _password(wanted: Authentication) -> str:
    return hashlib.sha256(f"{wanted.name}/{wanted.key}".encode()).hexdigest()[:8]
