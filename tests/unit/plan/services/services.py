"""Small Services of type LoadBalancer, for tests of one thing each."""

from typing import Any

from hacluster.plan.services.model import LoadBalancerService, ServicePort


def service(
    name: str = "shop", *ports: int | ServicePort, created: str = "2026-01-01T00:00:00Z", **fields: Any
) -> LoadBalancerService:
    """A Service in the namespace `default` with these ports, TCP where only a number is given; by default 443."""
    made = tuple(each if isinstance(each, ServicePort) else ServicePort(each) for each in ports or (443,))
    return LoadBalancerService(
        **{"namespace": "default", "name": name, "uid": f"uid-{name}", "created": created, "ports": made, **fields}
    )
