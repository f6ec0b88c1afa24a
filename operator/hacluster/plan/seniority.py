"""Which of two resources is the older one: it keeps what both want (`conflicts.py`, `topology/router_claims.py`)."""

from hacluster.api import HACluster


def identity(cluster: HACluster) -> tuple[str, str]:
    """Namespace and name."""
    return (cluster.metadata.namespace, cluster.metadata.name)


def age(cluster: HACluster) -> tuple[str, str, str]:
    """Sort key: the older resource comes first. Creation timestamps are RFC 3339 in UTC, which sort as text."""
    return (cluster.metadata.creation_timestamp, *identity(cluster))


def title(cluster: HACluster) -> str:
    """`namespace/name`, for messages."""
    return "/".join(identity(cluster))
