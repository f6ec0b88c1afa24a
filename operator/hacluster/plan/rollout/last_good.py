"""What a roll-out has to remember beyond the operator's life, as a ConfigMap: nobody mounts it.

The texts of all nodes are alike: packed, they take a fraction of what the API server allows for one object.
"""

import base64
import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from hacluster import names
from hacluster.api import HACluster
from hacluster.nodeconfig import File
from hacluster.plan.digest import digest
from hacluster.plan.model import Manifest
from hacluster.plan.objects.children import child
from hacluster.plan.rollout.rollout import LastGood, Refusal, Texts
from hacluster.plan.texts.revision import genuine

_KEY = "texts.json.gz"


def last_good_object(cluster: HACluster, last_good: LastGood) -> Manifest | None:
    """The ConfigMap; None as long as there is nothing to go back to. What was refused is readable in an annotation."""
    if not last_good.texts:
        return None
    packed = gzip.compress(json.dumps(last_good.texts, sort_keys=True).encode(), mtime=0)
    name = names.config_good(cluster.metadata.name)
    made = child(cluster, "v1", "ConfigMap", name, names.COMPONENT_LB, binaryData={_KEY: base64.b64encode(packed).decode()})
    if last_good.refusals:
        annotations = made["metadata"]["annotations"]
        annotations[names.ANNOTATION_REFUSED] = json.dumps([asdict(each) for each in last_good.refusals])
        annotations[names.ANNOTATION_HASH] = digest(made)
    return made


def read_last_good(observed: Mapping[str, Any] | None) -> LastGood:
    """What the ConfigMap says. Texts that somebody has tampered with are as if never remembered."""
    if observed is None:
        return LastGood()
    annotations = observed["metadata"].get("annotations") or {}
    refused = annotations.get(names.ANNOTATION_REFUSED, "[]")
    return LastGood(_texts((observed.get("binaryData") or {}).get(_KEY, "")), _refusals(refused))


def _texts(packed: str) -> Texts:
    try:
        said = json.loads(gzip.decompress(base64.b64decode(packed)))
        texts = {str(node): {File(file): str(text) for file, text in files.items()} for node, files in said.items()}
    except (ValueError, OSError, EOFError, zlib.error, AttributeError):
        return {}
    return {node: each for node, each in texts.items() if genuine(each)}


def _refusals(text: str) -> tuple[Refusal, ...]:
    try:
        return tuple(Refusal(**each) for each in json.loads(text))
    except (ValueError, TypeError):
        return ()
