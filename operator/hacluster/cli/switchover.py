"""`hacluster switchover`: moves a virtual router to another node, unless that node could not take over.

The command checks the node, sets `spec.virtualRouters[].preferredNode`, and waits until status shows the node as the holder. The
operator does the move, and checks the node again. The command's own check comes first so that a move that would be refused does
not change the resource.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from hacluster.api.durations import parse_duration
from hacluster.api.reasons import Reason
from hacluster.cli.cluster import namespace_of, read_resource, run

if TYPE_CHECKING:
    from hacluster.api import HAClusterStatus
    from hacluster.kube.client import Client

POLL_INTERVAL = 0.1
"""Seconds between two reads of the resource."""
DURATION_TIMEOUT = 1.0
"""Seconds to wait for the move's duration, which the new holder's agent reports after the move itself."""


class _Seconds(click.ParamType[float]):
    """An option such as `30s`; its value is in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return parse_duration(value).total_seconds() if isinstance(value, str) else float(value)
        except ValueError as error:
            self.fail(f"{value}: {error}", param, ctx)


@dataclass(frozen=True)
class _Move:
    """The move that the user asks for."""

    namespace: str
    cluster: str
    index: int
    """Position of the virtual router in the resource, from 0."""
    router: str
    node: str
    """The node that is to get the virtual router."""

    @property
    def field(self) -> str:
        """Path of the field that the command sets."""
        return f"spec.virtualRouters[{self.index}].preferredNode"


@click.command("switchover")
@click.argument("name")
@click.option("--to", "node", required=True, metavar="NODE", help="The node that is to have the virtual IPs.")
@click.option("--router", default="", help="Which virtual router; needed where there are several.")
@click.option("-n", "--namespace", default="", help="Namespace.  [default: the kubeconfig's]")
@click.option("--timeout", type=_Seconds(), default="30s", show_default=True, help="How long to wait for the move.")
def command(name: str, node: str, router: str, namespace: str, timeout: float) -> None:
    """Move a virtual router to another node, and wait until it is there.

    Sets spec.virtualRouters[].preferredNode, which stays: the node gets the virtual IPs back whenever it is fit. Refused, with
    the reason and exit code 1, while the node could not take over.
    """
    selected = namespace_of(name, namespace, everywhere=False) or ""
    click.echo(run(lambda client: _switch(client, selected, name, router=router, node=node, timeout=timeout)))


async def _switch(client: "Client", namespace: str, name: str, *, router: str, node: str, timeout: float) -> str:  # noqa: ASYNC109
    """Moves the router and returns the command's output.

    Raises:
        click.ClickException: the move is refused, or not done within `timeout` seconds.

    """
    from hacluster.kube.status import read_status

    raw = await read_resource(client, namespace, name)
    index, router = _find_router(raw, router)
    move = _Move(namespace, name, index, router, node)
    before = read_status(raw.get("status") or {})
    if reason := await _why_unfit(client, raw, before, move):
        raise click.ClickException(f"{node} cannot have {router} now: {reason}. Nothing was changed")
    router_spec = raw["spec"]["virtualRouters"][index]
    generation = raw["metadata"]["generation"]
    if router_spec.get("preferredNode") != node:
        generation = await _set_preferred_node(client, move, router_spec)
    if _holders(before, router) == {node}:
        return f"{router} is on {node} already"
    try:
        async with asyncio.timeout(timeout):
            after = await _wait_for_holder(client, move, generation)
    except TimeoutError:
        raise click.ClickException(await _timeout_message(client, move, timeout)) from None
    return await _success_message(client, move, before, after)


def _find_router(raw: Mapping[str, Any], router: str) -> tuple[int, str]:
    """Position (from 0) and name of the virtual router called `router`; of the only one, if `router` is empty."""
    known = [each.get("name") or f"VI_{position}" for position, each in enumerate(raw["spec"]["virtualRouters"], 1)]
    if not router and len(known) > 1:
        raise click.ClickException(f"--router: say which one of {', '.join(known)}")
    if router and router not in known:
        raise click.ClickException(f"--router: there is no {router}, only {', '.join(known)}")
    return (known.index(router), router) if router else (0, known[0])


async def _why_unfit(client: "Client", raw: Mapping[str, Any], status: "HAClusterStatus", move: _Move) -> str:
    """Why the node cannot take over; empty: no reason is known. The operator checks again, and may still refuse the move."""
    from hacluster.kube.client import ApiError
    from hacluster.kube.kinds import NODE
    from hacluster.plan.model import NodeView
    from hacluster.plan.topology.preference import cannot_take, observed

    if raw["spec"].get("paused"):
        return "spec.paused is true, so nothing is moved"
    entry = next((each for each in status.nodes if each.name == move.node), None)
    cordoned = False
    try:
        node = await client.get(NODE, None, move.node)
    except ApiError as error:
        if error.status != 403:
            raise
        node = {}  # the user may not read nodes: the operator checks what is skipped here
    if node is None:
        return "there is no such node"
    if node:
        cordoned = bool(node.get("spec", {}).get("unschedulable"))
        if not raw["spec"]["nodeSelector"].items() <= (node["metadata"].get("labels") or {}).items():
            return "spec.nodeSelector does not select it"
    view = observed(NodeView(move.node), entry, silent=move.node in status.silent_nodes, cordoned=cordoned)
    return cannot_take(move.router, view, held=True)


async def _set_preferred_node(client: "Client", move: _Move, router_spec: Mapping[str, Any]) -> int:
    """Sets the field and returns the resource's new generation.

    The patch tests first that the router still is `router_spec`: its position in the list may have changed meanwhile.
    """
    from hacluster.kube.client import ApiError
    from hacluster.kube.kinds import HACLUSTER

    path = f"/spec/virtualRouters/{move.index}"
    patch: list[dict[str, Any]] = [
        {"op": "test", "path": path, "value": router_spec},
        {"op": "add", "path": f"{path}/preferredNode", "value": move.node},
    ]
    try:
        patched = await client.patch(HACLUSTER, move.namespace, move.cluster, patch)
    except ApiError as error:
        if error.status == 422 and "test" in error.message:
            raise click.ClickException("somebody else has just changed the virtual router; look again, and try again") from None
        raise
    return int(patched["metadata"]["generation"])


async def _wait_for_holder(client: "Client", move: _Move, generation: int) -> "HAClusterStatus":
    """The first status in which the node holds all of the router's virtual IPs, and no other node does.

    Raises:
        click.ClickException: the operator refuses the move.

    """
    from hacluster.kube.status import read_status

    while True:
        status = read_status((await read_resource(client, move.namespace, move.cluster)).get("status") or {})
        if _holders(status, move.router) == {move.node}:
            return status
        if refusal := _refusal(status, move, generation):
            raise click.ClickException(f"{refusal} ({move.field} stays {move.node}: the move is made once that node is fit)")
        await asyncio.sleep(POLL_INTERVAL)


def _refusal(status: "HAClusterStatus", move: _Move, generation: int) -> str:
    """Why the operator does not do the move; empty: it has not refused. Conditions of older generations are ignored."""
    current = {each.type: each for each in status.conditions if each.observed_generation >= generation}
    accepted, degraded = current.get("Accepted"), current.get("Degraded")
    if accepted and accepted.status.value == "False":
        return accepted.message
    if degraded is None or degraded.status.value != "True":
        return ""
    if move.field in degraded.message:
        return degraded.message[degraded.message.index(move.field) :]
    return degraded.message if degraded.reason == Reason.CONFIGURATION_REFUSED else ""


async def _timeout_message(client: "Client", move: _Move, timeout: float) -> str:  # noqa: ASYNC109
    from hacluster.kube.status import read_status

    status = read_status((await read_resource(client, move.namespace, move.cluster)).get("status") or {})
    holders = " and ".join(sorted(_holders(status, move.router))) or "nobody"
    conditions = [f"{each.type}: {each.message}" for each in status.conditions if each.type in ("Degraded", "Reconciling")]
    cause = "; ".join(each for each in conditions if not each.endswith(": ")) or "is the operator running?"
    return f"{move.router} is not on {move.node} after {timeout:g} s, but on {holders}. {cause} ({move.field} stays {move.node})"


async def _success_message(client: "Client", move: _Move, before: "HAClusterStatus", after: "HAClusterStatus") -> str:
    """The old and the new holder, and the duration of the takeover if the new holder's agent reports it soon enough."""
    from hacluster.kube.status import read_status

    try:
        async with asyncio.timeout(DURATION_TIMEOUT):
            while (duration := _duration(before, after, move)) is None:
                await asyncio.sleep(POLL_INTERVAL)
                after = read_status((await read_resource(client, move.namespace, move.cluster)).get("status") or {})
    except TimeoutError:
        duration = None
    origin = " and ".join(sorted(_holders(before, move.router))) or "nobody"
    return f"{move.router}: {origin} → {move.node}" + (f" in {duration} ms" if duration is not None else "")


def _duration(before: "HAClusterStatus", after: "HAClusterStatus", move: _Move) -> int | None:
    """Milliseconds of the takeover in this move; None: not reported yet, or `lastFailover` is about another move."""
    last = after.last_failover
    is_this_move = last and last.router == move.router and last.to == move.node
    if last is None or not is_this_move or (before.last_failover and before.last_failover.at == last.at):
        return None
    return last.duration_milliseconds


def _holders(status: "HAClusterStatus", router: str) -> set[str]:
    """The nodes that hold virtual IPs of the router; empty as long as one of the virtual IPs has no holder."""
    holders = [set(each.holders) for each in status.virtual_ips if each.router == router]
    return set[str]().union(*holders) if all(holders) else set()
