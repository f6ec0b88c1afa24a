"""The Services of a rehearsal as the objects of an API server: each has one endpoint, a stand-in. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from hacluster.rehearse.facts import Address


def service_objects(services: Mapping[str, Mapping[int, tuple[Address, int]]]) -> str:
    """The text of the file that an agents without an API server follow. `services` as in `LabLayout`."""
    items = [each for name, ports in services.items() for each in _objects(name, ports)]
    return json.dumps({"items": items})


def _objects(name: str, ports: Mapping[int, tuple[Address, int]]) -> list[dict[str, Any]]:
    service = {
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"ports": [{"name": f"p{port}", "port": port, "protocol": "TCP"} for port in ports]},
    }
    slices = [
        {
            "kind": "EndpointSlice",
            "metadata": {"name": f"{name}-{port}", "labels": {"kubernetes.io/service-name": name}},
            "addressType": f"IPv{address.version}",
            "ports": [{"name": f"p{port}", "port": number, "protocol": "TCP"}],
            "endpoints": [{"addresses": [str(address)], "conditions": {"ready": True}}],
        }
        for port, (address, number) in ports.items()
    ]
    return [service, *slices]
