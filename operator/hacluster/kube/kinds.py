"""The kinds of objects that the operator reads and writes, and their URL paths on the API server.

The client takes one of the constants, such as `POD`. A table is enough because the client treats all kinds alike.
"""

from dataclasses import dataclass
from typing import Any, Final

from hacluster import names

Object = dict[str, Any]
"""One object as the API server sends and takes it."""


@dataclass(frozen=True)
class Kind:
    """One kind of object, with the names that the API server uses for it."""

    name: str
    """The `kind` of a manifest."""
    group: str
    """Empty: the core group."""
    version: str
    plural: str
    namespaced: bool = True
    managed: bool = True
    """Only objects with the operator's own label are listed and watched."""

    @property
    def api_version(self) -> str:
        """The `apiVersion` of a manifest."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str = "", subresource: str = "") -> str:
        """URL path of an object or, without a name, of all objects (in `namespace`, or everywhere)."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return "/".join(part for part in (f"{root}{scope}/{self.plural}", name, subresource) if part)


HACLUSTER: Final = Kind(names.KIND, names.GROUP, names.VERSION, names.PLURAL, managed=False)
HACLUSTER_NODE: Final = Kind(names.NODE_KIND, names.GROUP, names.VERSION, names.NODE_PLURAL)
NODE: Final = Kind("Node", "", "v1", "nodes", namespaced=False, managed=False)
NAMESPACE: Final = Kind("Namespace", "", "v1", "namespaces", namespaced=False, managed=False)
"""For their labels, by which a resource may choose whose Services it serves."""
POD: Final = Kind("Pod", "", "v1", "pods")
SERVICE_ACCOUNT: Final = Kind("ServiceAccount", "", "v1", "serviceaccounts")
ROLE: Final = Kind("Role", "rbac.authorization.k8s.io", "v1", "roles")
ROLE_BINDING: Final = Kind("RoleBinding", "rbac.authorization.k8s.io", "v1", "rolebindings")
LEASE: Final = Kind("Lease", "coordination.k8s.io", "v1", "leases")
"""Only to delete those of earlier versions (`control/earlier_versions.py`)."""
CONFIG_MAP: Final = Kind("ConfigMap", "", "v1", "configmaps")
DAEMON_SET: Final = Kind("DaemonSet", "apps", "v1", "daemonsets")
SERVICE: Final = Kind("Service", "", "v1", "services", managed=False)
"""Of type LoadBalancer, with the class of a resource: no others are kept in the cache."""
EVENT: Final = Kind("Event", "events.k8s.io", "v1", "events")
CORE_EVENT: Final = Kind("Event", "", "v1", "events", managed=False)
"""The same objects in the older form, whose fields can be selected by kind and name of the object that they are about."""

CHILDREN: Final = (SERVICE_ACCOUNT, HACLUSTER_NODE, ROLE, ROLE_BINDING, CONFIG_MAP, DAEMON_SET)
"""The children of a resource, in the order in which they are applied: a pod's role, HAClusterNode and files exist before it starts."""

_WATCHED: Final = (HACLUSTER, NODE, NAMESPACE, POD, SERVICE, *CHILDREN)

MANAGED_SELECTOR: Final = f"{names.LABEL_MANAGED_BY}={names.OPERATOR_MANAGER}"
"""Label selector of the operator's own objects."""


def watched(namespace: str | None) -> tuple[Kind, ...]:
    """The kinds that the operator watches. `namespace`: the only one that it watches; its own labels decide nothing then. None: all."""
    return tuple(each for each in _WATCHED if namespace is None or each is not NAMESPACE)


def kind_of(api_version: str, name: str) -> Kind:
    """The child kind with this `apiVersion` and `kind`.

    Raises:
        KeyError: not a kind that the operator applies.

    """
    for kind in CHILDREN:
        if (kind.api_version, kind.name) == (api_version, name):
            return kind
    raise KeyError(f"{api_version} {name}")
