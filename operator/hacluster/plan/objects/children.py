"""Makes child objects: adds labels, the owner reference, and the hash of the planned object.

The owner reference lets the garbage collector of Kubernetes delete the child with the resource; no finalizer is needed. The hash
(`names.ANNOTATION_HASH`) is one of the fields that `control/drift.py` compares: it differs also where a field has only left the plan.
"""

from hacluster import names
from hacluster.api import HACluster
from hacluster.plan.digest import digest
from hacluster.plan.model import Manifest


def child(cluster: HACluster, api_version: str, kind: str, name: str, component: str, **content: object) -> Manifest:
    """A complete child object. `content` are its top-level fields beside metadata, such as spec or data.

    A resource without a uid (`hacluster render` reads it from a file) gives a child without an owner.
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
