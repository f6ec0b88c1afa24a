"""What every child object has: labels, its owner, and the hash of what was wanted."""

import hashlib
import json

from hacluster import names
from hacluster.api import HACluster
from hacluster.plan.model import Manifest


def child(cluster: HACluster, api_version: str, kind: str, name: str, component: str, **content: object) -> Manifest:
    """A complete child object. `content` are its fields beside metadata, such as spec or data.

    Offline, where the resource has no uid, it has no owner either.
    """
    metadata: Manifest = {
        "name": name,
        "namespace": cluster.metadata.namespace,
        "labels": names.labels(cluster.metadata.name, component),
    }
    if cluster.metadata.uid:
        metadata["ownerReferences"] = [_owner(cluster)]
    manifest: Manifest = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}
    metadata["annotations"] = {names.ANNOTATION_HASH: digest(manifest)}
    return manifest


def digest(content: object, length: int = 16) -> str:
    """A short hash of plain data, the same for equal data in whatever order its mappings are."""
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:length]


def _owner(cluster: HACluster) -> Manifest:
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "name": cluster.metadata.name,
        "uid": cluster.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
