"""The Secrets of a rehearsal, which has none of the user: the lab makes one for each that a resource names, with what it has to contain.

`Node.offer` calls `provide_secrets` with the files of a node, so that a Secret is there when the agent looks for it. User names and
passwords follow from the Secret's name, so that two labs with the same resource have the same files.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from hacluster.agent.secrets.credentials import PASSWORD, USERNAME
from hacluster.agent.system.files import replace_private_file
from hacluster.nodeconfig import AgentConfig, Certificate, Credentials, File
from hacluster.plan.model import NodeTexts
from hacluster.rehearse.authority import Authority
from hacluster.rehearse.containers import SECRETS_FILE

USER: Final = "rehearsal"
"""The user name in every Secret with credentials."""
Secrets = dict[str, dict[str, str]]
"""Name of each Secret → its data, in base64 as the API server has it."""


def provide_secrets(lab: Path, texts: NodeTexts) -> None:
    """Adds what the node's files need to the Secrets that the agents follow. What is there stays.

    `lab`: the lab's folder. Raises NoCertificate, OSError.
    """
    if File.AGENT not in texts:
        return
    secrets = read_secrets(lab)
    before = json.dumps(secrets)
    for wanted in AgentConfig.model_validate_json(texts[File.AGENT]).secrets:
        data = secrets.setdefault(wanted.name, {})
        if isinstance(wanted, Certificate):
            keys = ("ca.crt",) if wanted.authority else ("tls.crt", "tls.key")
            if not data.keys() >= {*keys}:
                data |= _encoded(dict(zip(keys, _certificate(Authority(lab), wanted), strict=True)))
        elif isinstance(wanted, Credentials):
            data |= _encoded({USERNAME: USER, PASSWORD: password(wanted.name)}) | data
        else:
            data |= _encoded({wanted.key: password(wanted.name, wanted.key)}) | data
    if json.dumps(secrets) != before:
        items = [{"metadata": {"name": name}, "data": data} for name, data in secrets.items()]
        replace_private_file(lab / SECRETS_FILE, json.dumps({"items": items}))


def read_secrets(lab: Path) -> Secrets:
    """The Secrets that the agents follow. Raises OSError."""
    file = lab / SECRETS_FILE
    items: list[Any] = json.loads(file.read_text())["items"] if file.exists() else []
    return {each["metadata"]["name"]: dict(each["data"]) for each in items}


def password(name: str, key: str = PASSWORD) -> str:
    """The password under this key of the Secret: eight characters, as many as an advertisement has room for."""
    return hashlib.sha256(f"{name}/{key}".encode()).hexdigest()[:8]


def _certificate(authority: Authority, wanted: Certificate) -> Iterator[str]:
    """What the Secret has under its keys."""
    if wanted.authority:
        authority.make()
        yield authority.certificate.read_text()
    else:
        yield from authority.issue()


def _encoded(data: dict[str, str]) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
