"""The two kinds of objects as frozen pydantic models, and the CustomResourceDefinitions that are made from them.

How a value is checked:
- `constraints.py` – metadata for `Annotated`: one rule that is both a Python validator and a part of the CRD's schema.
- `durations.py` – durations such as `1m30s`.
- `addresses.py` – IP addresses, with and without prefix lengths, and networks.
- `types.py` – the value types of the fields: names, ports, interfaces, paths.
- `base.py` – the models' base class, and rules between several fields.

What the fields are:
- `vrrp.py` – `spec.virtualRouters` and `spec.vrrp`.
- `forward_for.py` – `forwardFor`, which may be a boolean or a mapping.
- `health_check.py`, `balancing.py`, `headers.py`, `timeouts.py`, `servers.py`, `routes.py`, `tls.py` – parts of a listener.
- `listeners.py` – the listeners of HAProxy; `listener_rules.py` the rules between their fields.
- `stats.py` – `spec.haproxy.stats`.
- `service_class.py` – `spec.haproxy.serviceClass`, and the listeners that Services become.
- `haproxy.py` – `spec.haproxy`; `targets.py` lists the groups of servers in it, `secrets.py` the Secrets that it names.
- `apache.py` – `spec.apache`.
- `system.py` – `spec.nodes` and `spec.system`.
- `pods.py` – tolerations, images and container resources.
- `address_rules.py` – rules that compare virtual IPs with other fields.
- `spec.py` – all of `spec`; `spec_rules.py` the rules between its fields.
- `unused.py` – rules against fields of `spec` that have no effect beside the others.
- `status.py` – all of `status`.
- `node.py` – the other kind of object: what one node's agent reports.
- `resource.py` – the whole object, with its metadata.

What is made of them:
- `stored.py` – drops defaults that a former version's CRD stored and that are refused now.
- `parse.py` – turns a mapping into an `HACluster`, or raises `InvalidResource`.
- `messages.py` – words pydantic's errors for users.
- `crd.py` – makes the CustomResourceDefinitions; `schemas.py` changes their whole schemas at the end.
- `reasons.py` – every reason of a condition, problem, move or Event.
"""

from hacluster.api.base import Model, Rule
from hacluster.api.parse import parse
from hacluster.api.resource import HACluster, Metadata
from hacluster.api.spec import HAClusterSpec
from hacluster.api.status import HAClusterStatus, NodeStatus

__all__ = ["HACluster", "HAClusterSpec", "HAClusterStatus", "Metadata", "Model", "NodeStatus", "Rule", "parse"]
