"""What every child object has: labels, its owner, and the hash of what was wanted."""

from hacluster import names
from hacluster.api import HACluster
from hacluster.plan.digest import digest
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


def _owner(cluster: HACluster) -> Manifest:
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "name": cluster.metadata.name,
        "uid": cluster.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
