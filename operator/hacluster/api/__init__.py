"""The HACluster resource as frozen pydantic models, and the CustomResourceDefinition that is made from them.

How a value is checked:
constraints – metadata for `Annotated`: one rule that is both a Python validator and a part of the CRD's schema.
durations – durations such as `1m30s`.
addresses – IP addresses, with and without prefix lengths, and networks.
types – the value types of the fields: names, ports, interfaces, paths.
base – the models' base class, and rules between several fields.

What the fields are:
vrrp – `spec.virtualRouters` and `spec.vrrp`.
listeners – the listeners of HAProxy and their servers.
haproxy – `spec.haproxy`.
pods – tolerations, images and container resources.
spec – all of `spec`.
status – all of `status`.
resource – the whole object, with its metadata.

What is made of them:
parse – turns a mapping into an `HACluster`, or raises `InvalidResource`.
messages – words pydantic's errors for users.
crd – makes the CustomResourceDefinition.
reasons – every reason of a condition, problem, move or Event.
"""

from hacluster.api.base import Model, Rule
from hacluster.api.parse import parse
from hacluster.api.resource import HACluster, Metadata
from hacluster.api.spec import HAClusterSpec
from hacluster.api.status import HAClusterStatus, NodeStatus

__all__ = ["HACluster", "HAClusterSpec", "HAClusterStatus", "Metadata", "Model", "NodeStatus", "Rule", "parse"]
