"""Whether the listeners have servers: what the holders' HAProxys report, and what to do where no server is up.

`report.py` puts `of_holder` into the status, `conditions.py` the problems and warnings. Only holders count: what another node's HAProxy
sees concerns no client.
"""

from collections.abc import Collection, Iterator
from typing import Final

from hacluster.api.reasons import Reason
from hacluster.api.status import ListenerStatus, NodeStatus, VirtualIPStatus
from hacluster.errors import Problem
from hacluster.names import NO_ENDPOINTS
from hacluster.plan.status.inputs import ReportInputs

_BY_STATUS: Final = {
    "400": "the servers want another request: set healthCheck.host to a name that they know",
    "401": "the servers ask for a login: set healthCheck.path to a page without one, or healthCheck.expectStatus",
    "403": "the servers refuse this path: set healthCheck.path to a page that they give, or healthCheck.expectStatus",
    "404": "the servers have no such page: set healthCheck.path, and healthCheck.host if they serve several names",
    "405": "the servers refuse the method of the check: set healthCheck.method: GET",
    "501": "the servers do not know the method of the check: set healthCheck.method: GET",
}
_BY_RESULT: Final = {
    "L4CON": "the servers refuse connections: do they run, and is the port right?",
    "L4TOUT": "the servers do not answer: are the addresses right, and does a firewall drop the packets?",
    "L7TOUT": "the servers accept connections and do not answer in time: look at their logs, or raise haproxy.timeouts.check",
    "L7RSP": "the servers do not answer with HTTP: is it the right port? Does it want TLS? For another protocol set mode: TCP",
    "L7STS": "set healthCheck.expectStatus if this answer is right; else see the servers' logs",
    "MAINT": "somebody has taken them out of service, on the statistics page or HAProxy's socket: enable them there",
    "DRAIN": "somebody lets them drain, on the statistics page or HAProxy's socket: enable them there",
    "RESOLUTION": "their host names do not resolve: are they right, and do haproxy.dns.servers (else the node's name servers) know them?",
    NO_ENDPOINTS: "the Service has no endpoint that is ready: do its selector and port fit, and are its pods ready?",
    "INI": "HAProxy has not checked them yet",
}


COPIED_LISTENERS: Final = 64
"""Groups of servers that the HACluster repeats of each node: it has to hold those of 64 nodes. The HAClusterNodes have all."""


def copied(entry: NodeStatus) -> NodeStatus:
    """A node's report as `status.nodes` of the HACluster has it."""
    return entry.model_copy(update={"listeners": entry.listeners[:COPIED_LISTENERS]})


def of_holder(virtual_ips: tuple[VirtualIPStatus, ...], inputs: ReportInputs) -> tuple[ListenerStatus, ...]:
    """The listeners as the holder of the first virtual IP reports them; empty if there is none."""
    return _reported(virtual_ips[0].holder, inputs) if virtual_ips else ()


def summary(listeners: Collection[ListenerStatus]) -> str | None:
    """Servers that are up and all servers, such as `5/6`; None: nothing is known."""
    if not listeners:
        return None
    return f"{sum(each.servers_up for each in listeners)}/{sum(each.servers for each in listeners)}"


def problems(virtual_ips: tuple[VirtualIPStatus, ...], inputs: ReportInputs) -> tuple[Problem, ...]:
    """A problem for each listener without any server at a holder."""
    return tuple(
        Problem(
            Reason.BACKENDS_DOWN,
            "",
            f"listener {each.name} (port {each.port}): {_none_is_up(each, holder)}{_cure(each.last_check)}",
        )
        for holder, each in _at_holders(virtual_ips, inputs)
        if not each.servers_up
    )


def warnings(virtual_ips: tuple[VirtualIPStatus, ...], inputs: ReportInputs) -> tuple[Problem, ...]:
    """A warning for each listener of which some servers are up and some are not."""
    return tuple(
        Problem(
            Reason.SERVERS_DOWN,
            "",
            f"listener {each.name} (port {each.port}): {each.servers_up} of {each.servers} servers are up as {holder} sees them; the last "
            f"check of the first other one found {each.last_check}",
        )
        for holder, each in _at_holders(virtual_ips, inputs)
        if 0 < each.servers_up < each.servers
    )


def _at_holders(virtual_ips: tuple[VirtualIPStatus, ...], inputs: ReportInputs) -> Iterator[tuple[str, ListenerStatus]]:
    """Every listener at every holder."""
    for holder in dict.fromkeys(vip.holder for vip in virtual_ips if vip.holder):
        yield from ((holder, each) for each in _reported(holder, inputs))


def _reported(node: str, inputs: ReportInputs) -> tuple[ListenerStatus, ...]:
    found = (each for each in inputs.nodes if each.name == node and each.entry and not each.silent)
    return next((each.entry.listeners for each in found if each.entry), ())


def _none_is_up(listener: ListenerStatus, holder: str) -> str:
    if listener.last_check == NO_ENDPOINTS:
        return f"it has no server as {holder} sees it"
    return f"none of {listener.servers} servers is up as {holder} sees them, the last check found {listener.last_check}"


def _cure(last_check: str) -> str:
    result, _, code = last_check.partition("/")
    by_status = _BY_STATUS.get(code) if result == "L7STS" else None
    cure = by_status or _BY_RESULT.get(result)
    return f": {cure}" if cure else ""
