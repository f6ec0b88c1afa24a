"""The Services of a rehearsal as the objects of an API server: their endpoints are stand-ins. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hacluster.rehearse.facts import Address

Ports = Mapping[int, Sequence[tuple[Address, int]]]
"""Each port of a Service → address and port of its endpoints."""


def service_objects(services: Mapping[str, Ports]) -> str:
    """The text of the file that agents without an API server follow. `services` as in `LabLayout`."""
    items = [each for name, ports in services.items() for each in _objects(name, ports)]
    return json.dumps({"items": items})


def _objects(name: str, ports: Ports) -> list[dict[str, Any]]:
    service = {
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"ports": [{"name": f"p{port}", "port": port, "protocol": "TCP"} for port in ports]},
    }
    slices = [
        {
            "kind": "EndpointSlice",
            "metadata": {"name": f"{name}-{port}-{index}", "labels": {"kubernetes.io/service-name": name}},
            "addressType": f"IPv{address.version}",
            "ports": [{"name": f"p{port}", "port": number, "protocol": "TCP"}],
            "endpoints": [{"addresses": [str(address)], "conditions": {"ready": True}}],
        }
        for port, endpoints in ports.items()
        for index, (address, number) in enumerate(endpoints)
    ]
    return [service, *slices]
