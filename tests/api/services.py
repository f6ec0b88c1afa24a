"""Services of type LoadBalancer, as a user makes and sees them: in a resource's namespace, or in another one."""

from dataclasses import dataclass
from typing import Any

from hacluster.api.service_class import class_of
from tests.api.environment import Environment
from tests.api.namespace import Namespace
from tests.api.request import MERGE, call
from tests.waiting import eventually


@dataclass
class Services:
    """The Services of one namespace with the class of the resource `web`."""

    env: Environment
    """The namespace of the resource."""
    other: Namespace | None = None
    """The namespace of the Services; None: the same."""

    @property
    def place(self) -> Namespace:
        """Where the Services are."""
        return self.other or self.env

    def create(self, name: str, *ports: int, annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
        """Creates a Service with these TCP ports; `spec` are more of its fields."""
        listed = [{"name": f"p{port}", "port": port} for port in ports]
        manifest = {
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "annotations": annotations or {}},
            "spec": {
                "type": "LoadBalancer", "loadBalancerClass": class_of(self.env.namespace, "web"), "selector": {"app": name},
                "allocateLoadBalancerNodePorts": False, "ports": listed, **spec,
            },
        }  # fmt: skip
        return call(self.place.server, "POST", self.place.path("services"), manifest)

    def change(self, name: str, **spec: Any) -> None:
        """Merges `spec` into the Service's spec."""
        call(self.place.server, "PATCH", self.place.path("services", name), {"spec": spec}, MERGE)

    def delete(self, name: str) -> None:
        """Deletes the Service."""
        call(self.place.server, "DELETE", self.place.path("services", name))

    def addresses(self, name: str) -> list[str]:
        """Where the Service's status says that it is reached."""
        ingress = self.place.get("services", name)["status"]["loadBalancer"].get("ingress") or []
        assert all(each["ipMode"] == "Proxy" for each in ingress), ingress
        return [each["ip"] for each in ingress]

    def condition(self, name: str) -> dict[str, Any]:
        """The operator's condition; {} where there is none."""
        found = self.place.get("services", name)["status"].get("conditions") or ()
        return next((each for each in found if each["type"] == "hacluster.dev/Bound"), {})

    def wait(self, name: str, reason: str, *addresses: str, within: float = 10) -> str:
        """Waits until the Service has this reason and these addresses; returns the condition's message."""

        def check() -> str:
            condition = self.condition(name)
            assert (condition.get("reason"), self.addresses(name)) == (reason, [*addresses]), condition
            return str(condition["message"])

        return eventually(check, within=within)

    def has_events(self, name: str, *reasons: str) -> None:
        """Asserts that the Service has Events with these reasons, oldest first, and no others."""
        found = self.place.events(name)
        assert found == [*reasons], found
