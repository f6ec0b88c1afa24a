"""Services and EndpointSlices as the API server sends them."""

from typing import Any


def service(name: str = "shop", *, port: int = 80, **spec: Any) -> dict[str, Any]:
    """A Service with one TCP port of the name `http`, and one of UDP with the same number."""
    ports = [{"name": "quic", "port": port, "protocol": "UDP"}, {"name": "http", "port": port, "targetPort": "web"}]
    return {"kind": "Service", "metadata": {"name": name}, "spec": {"ports": ports, **spec}}


def endpoint(address: str, *, ready: bool | None = True, serving: bool | None = None, ending: bool = False) -> dict[str, Any]:
    """One endpoint; None: the condition is not there."""
    conditions = {"ready": ready, "serving": serving, "terminating": ending or None}
    return {"addresses": [address], "conditions": {key: value for key, value in conditions.items() if value is not None}}


def leaving(address: str, *, serving: bool = True) -> dict[str, Any]:
    """An endpoint whose pod is about to end."""
    return endpoint(address, ready=False, serving=serving, ending=True)


def slice_of(
    *endpoints: dict[str, Any], name: str = "shop-1", owner: str = "shop", port: int = 8080, family: int = 4
) -> dict[str, Any]:
    """An EndpointSlice whose endpoints have the Service's port `http` on `port`."""
    return {
        "kind": "EndpointSlice",
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": owner}},
        "addressType": f"IPv{family}",
        "ports": [{"name": "http", "port": port, "protocol": "TCP"}, {"name": "quic", "port": 443, "protocol": "UDP"}],
        "endpoints": list(endpoints),
    }
