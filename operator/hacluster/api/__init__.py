"""The HACluster resource as frozen pydantic models, and the CustomResourceDefinition that is made from them.

How a value is checked:
- `constraints.py` – metadata for `Annotated`: one rule that is both a Python validator and a part of the CRD's schema.
- `durations.py` – durations such as `1m30s`.
- `addresses.py` – IP addresses, with and without prefix lengths, and networks.
- `types.py` – the value types of the fields: names, ports, interfaces, paths.
- `base.py` – the models' base class, and rules between several fields.

What the fields are:
- `vrrp.py` – `spec.virtualRouters` and `spec.vrrp`.
- `listeners.py` – the listeners of HAProxy and their servers.
- `haproxy.py` – `spec.haproxy`.
- `pods.py` – tolerations, images and container resources.
- `spec.py` – all of `spec`.
- `status.py` – all of `status`.
- `resource.py` – the whole object, with its metadata.

What is made of them:
- `parse.py` – turns a mapping into an `HACluster`, or raises `InvalidResource`.
- `messages.py` – words pydantic's errors for users.
- `crd.py` – makes the CustomResourceDefinition.
- `reasons.py` – every reason of a condition, problem, move or Event.
"""

from hacluster.api.base import Model, Rule
from hacluster.api.parse import parse
from hacluster.api.resource import HACluster, Metadata
from hacluster.api.spec import HAClusterSpec
from hacluster.api.status import HAClusterStatus, NodeStatus

__all__ = ["HACluster", "HAClusterSpec", "HAClusterStatus", "Metadata", "Model", "NodeStatus", "Rule", "parse"]
