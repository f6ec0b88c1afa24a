"""The last good configuration and the refusals since, as a ConfigMap that no pod mounts.

`control/rollout.py` reads it with `read_last_good` before each step and makes it with `last_good_object`. It is in the cluster so that
a restarted operator can still take a roll-out back. A text that several nodes have is in it once, and similar texts follow each other,
so gzip packs them to a small part of the size limit of a ConfigMap (1 MiB).
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

_KEY = "shared-texts.json.gz"
"""`{"texts": [text, …], "nodes": {node: {file: index of its text}}}`."""
_FORMER_KEY = "texts.json.gz"
"""Version 0.1 wrote `{node: {file: text}}` here."""


def last_good_object(cluster: HACluster, last_good: LastGood) -> Manifest | None:
    """The ConfigMap; None before the first complete roll-out. The refusals are in an annotation, readable as JSON."""
    if not last_good.texts:
        return None
    if last_good.packed and _texts({_KEY: last_good.packed}) == last_good.texts:
        packed = last_good.packed  # an operator with another Python would write other bytes, and both would never come to rest
    else:
        packed = base64.b64encode(gzip.compress(json.dumps(_share(last_good.texts)).encode(), mtime=0)).decode()
    name = names.config_good(cluster.metadata.name)
    manifest = child(cluster, "v1", "ConfigMap", name, names.COMPONENT_LB, binaryData={_KEY: packed})
    annotations = manifest["metadata"]["annotations"]
    if last_good.refusals:
        annotations[names.ANNOTATION_REFUSED] = json.dumps([asdict(each) for each in last_good.refusals])
    if last_good.passed_over:
        annotations[names.ANNOTATION_PASSED_OVER] = json.dumps(dict(last_good.passed_over))
    if last_good.refusals or last_good.passed_over:
        annotations[names.ANNOTATION_HASH] = digest(manifest)
    return manifest


def read_last_good(observed: Mapping[str, Any] | None) -> LastGood:
    """Reads the ConfigMap; None: there is none. Texts that were edited (`is_unaltered`) or cannot be unpacked are left out."""
    if observed is None:
        return LastGood()
    annotations = observed["metadata"].get("annotations") or {}
    refused = annotations.get(names.ANNOTATION_REFUSED, "[]")
    binary = observed.get("binaryData") or {}
    passed_over = _passed_over(annotations.get(names.ANNOTATION_PASSED_OVER, "{}"))
    return LastGood(_texts(binary), _refusals(refused), passed_over, binary.get(_KEY, ""))


def _share(texts: Texts) -> dict[str, Any]:
    """The content of `_KEY`. Its texts are sorted by file, so that similar ones follow each other."""
    kinds = sorted({file for files in texts.values() for file in files})
    ordered = dict.fromkeys(texts[node][file] for file in kinds for node in sorted(texts) if file in texts[node])
    number = {text: index for index, text in enumerate(ordered)}
    nodes = {node: {file.value: number[text] for file, text in sorted(files.items())} for node, files in sorted(texts.items())}
    return {"texts": list(ordered), "nodes": nodes}


def _texts(binary: Mapping[str, str]) -> Texts:
    try:
        if _KEY in binary:
            shared = _unzip(binary[_KEY])
            unpacked = {
                node: {file: shared["texts"][index] for file, index in files.items()} for node, files in shared["nodes"].items()
            }
        else:
            unpacked = _unzip(binary.get(_FORMER_KEY, ""))
        texts = {str(node): {File(file): str(text) for file, text in files.items()} for node, files in unpacked.items()}
    except (ValueError, OSError, EOFError, zlib.error, AttributeError, LookupError, TypeError, RecursionError):
        return {}
    return {node: each for node, each in texts.items() if is_unaltered(each)}


def _unzip(packed: str) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(packed)))


def _refusals(text: str) -> tuple[Refusal, ...]:
    try:
        return tuple(Refusal(**each) for each in json.loads(text))
    except (ValueError, TypeError, RecursionError):
        return ()


def _passed_over(text: str) -> dict[str, tuple[str, ...]]:
    try:
        return {str(plan): tuple(map(str, nodes)) for plan, nodes in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError):
        return {}
