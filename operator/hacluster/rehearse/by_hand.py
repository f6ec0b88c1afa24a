"""The files of a node without an agent (`hacluster rehearse --by-hand`), as a person would have written them.

What an agent adds to them is added here, once: the certificates, credentials and password of Secrets, and the endpoints of Services.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from hacluster.agent.paths import Paths
from hacluster.agent.secrets.certificates import authorities_of, pem_of
from hacluster.agent.secrets.credential_files import CredentialFiles
from hacluster.agent.secrets.credentials import digest
from hacluster.agent.secrets.passwords import password_of
from hacluster.agent.services.endpoints import Endpoints, endpoints_of
from hacluster.agent.services.lines import with_servers
from hacluster.agent.services.objects import Kind, ObjectCache
from hacluster.agent.system.files import replace_private_file
from hacluster.agent.vrrp.authentication import with_password
from hacluster.nodeconfig import AgentConfig, File
from hacluster.plan.model import NodeTexts
from hacluster.rehearse.containers import SERVICES_FILE
from hacluster.rehearse.secrets import read_secrets


def install_by_hand(lab: Path, paths: Paths, texts: NodeTexts) -> None:
    """Writes all files that the node's daemons read; `lab` is the lab's folder, with Secrets and Services. Raises OSError."""
    config = AgentConfig.model_validate_json(texts[File.AGENT])
    secrets = read_secrets(lab)
    paths.certificates.mkdir(mode=0o700, exist_ok=True)
    for each in config.certificates:
        data = secrets[each.name]
        text = authorities_of(data) if each.authority else pem_of(data, paths.certificate_scratch)
        replace_private_file(paths.certificates / each.file, text)
    for named in config.credentials:
        CredentialFiles(paths.credentials).write(named.name, digest(secrets[named.name]))
    completed = {**texts, File.HAPROXY: with_servers(texts[File.HAPROXY], config.services, _endpoints(lab, config))}
    if wanted := config.authentication:
        completed[File.KEEPALIVED] = with_password(texts[File.KEEPALIVED], password_of(secrets[wanted.name], wanted.key))
    for file in (File.KEEPALIVED, File.HAPROXY, File.RSYSLOG):
        if file in completed:
            paths.live(file).write_text(completed[file])


def _endpoints(lab: Path, config: AgentConfig) -> Mapping[str, Endpoints]:
    """The endpoints of each of HAProxy's proxies that has some."""
    if not config.services:
        return {}
    items = json.loads((lab / SERVICES_FILE).read_text())["items"]
    cache = ObjectCache({each.name for each in config.services.values()})
    for kind in Kind:
        cache.replace(kind, [each for each in items if each["kind"] == kind.value])
    views = cache.views() or {}
    return {proxy: endpoints_of(each, views.get(each.name), lambda _: False) for proxy, each in config.services.items()}
