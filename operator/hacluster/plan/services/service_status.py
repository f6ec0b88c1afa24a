"""The status of a Service of type LoadBalancer, and the Event of its change.

The address has `ipMode: Proxy` (KEP-1860): with `VIP`, kube-proxy on the nodes would send what arrives for it to the pods by itself,
past HAProxy with its checks, its drain and the PROXY protocol.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from hacluster import names
from hacluster.api.reasons import Reason
from hacluster.plan.services.model import Binding, RefusedPort, ServicePort

Status = Mapping[str, Any]
"""The `status` of a Service, as the API server has it."""
CONDITION: Final = f"{names.GROUP}/Bound"
_MAX_MESSAGE: Final = 4096
_WAITS: Final = "waits until all nodes of the HACluster have loaded it; see its status"


def service_status(binding: Binding, addresses: Sequence[str], stored: Status, *, live: bool, now: str) -> dict[str, Any]:
    """The part of the status that the operator writes: where the Service is reached, and the condition `hacluster.dev/Bound`.

    `live`: all nodes run the present configuration. Otherwise a port that the status does not show as served yet has to wait.
    `now`: RFC 3339 in UTC.
    """
    binding = binding if live else _without_new(binding, served_ports(stored))
    shown = _ingress(binding, addresses) if binding.listeners else []
    reason, message = _explanation(binding)
    bound = "True" if reason is Reason.BOUND else "False"
    before = condition_of(stored)
    since = before.get("lastTransitionTime") if before.get("status") == bound else None
    condition = {"type": CONDITION, "status": bound, "reason": reason.value, "message": message[:_MAX_MESSAGE]}
    return {
        "loadBalancer": {"ingress": shown} if shown else {},
        "conditions": [{**condition, "lastTransitionTime": since or now}],
    }


def is_stored(wanted: Status, stored: Status) -> bool:
    """Whether the Service's status says already what is wanted."""
    conditions = wanted.get("conditions") or [{}]
    return condition_of(stored) == conditions[0] and _ingress_of(stored) == _ingress_of(wanted)


def condition_of(status: Status) -> Mapping[str, Any]:
    """The operator's condition, without fields that it does not write; empty: none."""
    found: Status = next((each for each in status.get("conditions") or () if each.get("type") == CONDITION), {})
    return {key: value for key, value in found.items() if key != "observedGeneration"}


def served_ports(status: Status) -> frozenset[int]:
    """The TCP ports that are served."""
    ports = [port for each in _ingress_of(status)[:1] for port in each.get("ports") or ()]
    return frozenset(int(each["port"]) for each in ports if each.get("protocol") == "TCP" and not each.get("error"))


def news(wanted: Status, stored: Status) -> tuple[str, str] | None:
    """What an Event says of the change, as reason and message; None: nothing new."""
    new, old = condition_of(wanted), condition_of(stored)
    if not new or (new["reason"], new["message"]) == (old.get("reason"), old.get("message")):
        return None
    return new["reason"], new["message"]


def _ingress_of(status: Status) -> list[Any]:
    return list((status.get("loadBalancer") or {}).get("ingress") or ())


def _ingress(binding: Binding, addresses: Sequence[str]) -> list[dict[str, Any]]:
    """One entry for each virtual IP, with the ports; one that is not served says why."""
    refused = {(each.port.port, each.port.protocol): f"{names.GROUP}/{each.reason.value}" for each in binding.refused}
    ports = []
    for each in binding.service.ports:
        error = refused.get((each.port, each.protocol))
        ports.append({"port": each.port, "protocol": each.protocol, **({"error": error} if error else {})})
    return [{"ip": address, "ipMode": "Proxy", "ports": ports} for address in addresses]


def _without_new(binding: Binding, served: Collection[int]) -> Binding:
    """The binding with only those listeners that are served already; the others are ports that wait."""
    waiting = [ServicePort(each.port) for each in binding.listeners if each.port not in served]
    refused = (*binding.refused, *(RefusedPort(port, Reason.PROGRESSING, _WAITS) for port in waiting))
    return Binding(binding.service, tuple(each for each in binding.listeners if each.port in served), refused)


def _explanation(binding: Binding) -> tuple[Reason, str]:
    """The condition's reason and message."""
    served = ", ".join(str(each.port) for each in binding.listeners)
    if not binding.refused:
        return Reason.BOUND, f"served: {served}"
    return binding.refused[0].reason, f"{_refusals(binding.refused)}; served: {served or 'none'}"


def _refusals(refused: Sequence[RefusedPort]) -> str:
    """The ports with the reasons; one reason for all ports is said once."""
    by_message: dict[str, list[str]] = {}
    for each in refused:
        by_message.setdefault(each.message, []).append(f"{each.port.port}/{each.port.protocol}")
    return "; ".join(f"port {', '.join(ports)}: {message}" for message, ports in by_message.items())
