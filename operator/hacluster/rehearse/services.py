"""The Services of a rehearsal as the objects of an API server. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hacluster.rehearse.facts import Address, LabLayout

Ports = Mapping[int, Sequence[tuple[Address, int]]]
"""Each port of a Service → address and port of its endpoints."""


def service_objects(layout: LabLayout) -> str:
    """The text of the file that agents without an API server follow. Endpoints with an address of a node are on it."""
    items = [each for name, ports in layout.services.items() for each in _objects(name, ports, layout)]
    return json.dumps({"items": items})


def _objects(name: str, ports: Ports, layout: LabLayout) -> list[dict[str, Any]]:
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
            "endpoints": [_endpoint(address, layout.node_of(address))],
        }
        for port, endpoints in ports.items()
        for index, (address, number) in enumerate(endpoints)
    ]
    return [service, *slices]


def _endpoint(address: Address, node: str) -> dict[str, Any]:
    return {"addresses": [str(address)], "conditions": {"ready": True}, **({"nodeName": node} if node else {})}
