"""A resource in one namespace and Services in another one, under an operator with the rights of manifests/rbac.yaml."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hack.generate import NAMESPACE
from hacluster import names
from tests.api.environment import Environment
from tests.api.namespace import Namespace
from tests.api.operator_process import operator
from tests.api.request import MERGE, call
from tests.api.services import Services
from tests.waiting import eventually


@dataclass
class Tenants:
    """A resource in one namespace, and Services in another one."""

    env: Environment
    own: Services
    theirs: Services
    token: str

    @property
    def name(self) -> str:
        """The other namespace."""
        return self.theirs.place.namespace

    @contextmanager
    def operator(self) -> Iterator[None]:
        """The operator runs during the block."""
        kubeconfig = self.env.server.kubeconfig_for(self.token)
        with operator(self.env.server, kubeconfig=kubeconfig, HACLUSTER_LEASE_NAMESPACE=NAMESPACE) as process:
            yield
            assert not re.search("forbidden|ERROR", process.text(), re.IGNORECASE), process.text()

    def label(self, team: str | None) -> None:
        """Labels the other namespace; None takes the label away."""
        body = {"metadata": {"labels": {"team": team}}}
        call(self.env.server, "PATCH", f"/api/v1/namespaces/{self.name}", body, MERGE)

    def granted(self) -> list[str]:
        """The objects that give the agents rights in the other namespace."""
        wanted = names.service_access(self.env.namespace, "web")
        found = [(plural, each["metadata"]["name"]) for plural in ("roles", "rolebindings") for each in self.place.items(plural)]
        return [plural for plural, name in found if name == wanted]

    @property
    def place(self) -> Namespace:
        """The other namespace."""
        return self.theirs.place

    def wait_granted(self, expected: bool, *, within: float = 10) -> None:
        def check() -> None:
            assert self.granted() == (["roles", "rolebindings"] if expected else [])

        eventually(check, within=within)

    def agent_may(self, namespace: str, what: str = "services") -> bool:
        """Whether an agent of the resource may list this in a namespace."""
        token = self.env.server.service_account_token(self.env.namespace, names.agent("web"))
        root = "/apis/discovery.k8s.io/v1" if what == "endpointslices" else "/api/v1"
        return self.env.server.request("GET", f"{root}/namespaces/{namespace}/{what}", None, token=token).status == 200

    def configuration(self) -> str:
        """All files of all nodes."""
        return "\n".join((self.env.get("configmaps", names.config("web")).get("data") or {}).values())
