"""The last good configuration and the refusals since, as a ConfigMap that no pod mounts.

`control/rollout.py` reads it with `read_last_good` before each step and makes it with `last_good_object`. It is in the cluster so that
a restarted operator can still take a roll-out back. The texts of all nodes are similar, so gzip packs them to a small part of the
size limit of a ConfigMap (1 MiB).
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
from hacluster.plan.model import Manifest, Texts
from hacluster.plan.objects.children import child
from hacluster.plan.rollout.rollout import LastGood, Refusal
from hacluster.plan.texts.revision import is_unaltered

_KEY = "texts.json.gz"


def last_good_object(cluster: HACluster, last_good: LastGood) -> Manifest | None:
    """The ConfigMap; None before the first complete roll-out. The refusals are in an annotation, readable as JSON."""
    if not last_good.texts:
        return None
    packed = gzip.compress(json.dumps(last_good.texts, sort_keys=True).encode(), mtime=0)
    name = names.config_good(cluster.metadata.name)
    manifest = child(cluster, "v1", "ConfigMap", name, names.COMPONENT_LB, binaryData={_KEY: base64.b64encode(packed).decode()})
    if last_good.refusals:
        annotations = manifest["metadata"]["annotations"]
        annotations[names.ANNOTATION_REFUSED] = json.dumps([asdict(each) for each in last_good.refusals])
        annotations[names.ANNOTATION_HASH] = digest(manifest)
    return manifest


def read_last_good(observed: Mapping[str, Any] | None) -> LastGood:
    """Reads the ConfigMap; None: there is none. Texts that were edited (`is_unaltered`) or cannot be unpacked are left out."""
    if observed is None:
        return LastGood()
    annotations = observed["metadata"].get("annotations") or {}
    refused = annotations.get(names.ANNOTATION_REFUSED, "[]")
    return LastGood(_texts((observed.get("binaryData") or {}).get(_KEY, "")), _refusals(refused))


def _texts(packed: str) -> Texts:
    try:
        unpacked = json.loads(gzip.decompress(base64.b64decode(packed)))
        texts = {str(node): {File(file): str(text) for file, text in files.items()} for node, files in unpacked.items()}
    except (ValueError, OSError, EOFError, zlib.error, AttributeError):
        return {}
    return {node: each for node, each in texts.items() if is_unaltered(each)}


def _refusals(text: str) -> tuple[Refusal, ...]:
    try:
        return tuple(Refusal(**each) for each in json.loads(text))
    except (ValueError, TypeError):
        return ()
