"""`hacluster switchover`: a planned move of a virtual router to another node, refused while that node is unfit."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from hacluster import names
from hacluster.api.durations import parse_duration
from hacluster.api.reasons import Reason
from hacluster.cli.cluster import namespace_of, run

if TYPE_CHECKING:
    from hacluster.api import HAClusterStatus
    from hacluster.kube.client import Client

LOOK_EVERY = 0.1
MEASURED_WITHIN = 1.0
"""Seconds that the new holder's measurement may come after the move itself."""


class _Seconds(click.ParamType[float]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return parse_duration(value).total_seconds() if isinstance(value, str) else float(value)
        except ValueError as error:
            self.fail(f"{value}: {error}", param, ctx)


@dataclass(frozen=True)
class _Move:
    """What is asked for."""

    namespace: str
    cluster: str
    index: int
    router: str
    node: str

    @property
    def field(self) -> str:
        """Where the resource says it."""
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
    where = namespace_of(name, namespace, everywhere=False) or ""
    click.echo(run(lambda client: _switch(client, where, name, router=router, node=node, timeout=timeout)))


async def _switch(client: "Client", namespace: str, name: str, *, router: str, node: str, timeout: float) -> str:  # noqa: ASYNC109
    from hacluster.kube.status import read_status

    raw = await _read(client, namespace, name)
    index, router = _find(raw, router)
    move = _Move(namespace, name, index, router, node)
    before = read_status(raw.get("status") or {})
    if reason := await _against(client, raw, before, move):
        raise click.ClickException(f"{node} cannot have {router} now: {reason}. Nothing was changed")
    wanted = raw["spec"]["virtualRouters"][index]
    generation = raw["metadata"]["generation"]
    if wanted.get("preferredNode") != node:
        generation = await _prefer(client, move, wanted)
    if _holders(before, router) == {node}:
        return f"{router} is on {node} already"
    try:
        async with asyncio.timeout(timeout):
            after = await _arrived(client, move, generation)
    except TimeoutError:
        raise click.ClickException(await _still(client, move, timeout)) from None
    return await _told(client, move, before, after)


async def _read(client: "Client", namespace: str, name: str) -> dict[str, Any]:
    from hacluster.kube.kinds import HACLUSTER

    raw = await client.get(HACLUSTER, namespace, name)
    if raw is None:
        raise click.ClickException(f"there is no {names.KIND} {name} in namespace {namespace}")
    return raw


def _find(raw: Mapping[str, Any], router: str) -> tuple[int, str]:
    """Position and name of the virtual router that is meant."""
    called = [each.get("name") or f"VI_{position}" for position, each in enumerate(raw["spec"]["virtualRouters"], 1)]
    if not router and len(called) > 1:
        raise click.ClickException(f"--router: say which one of {', '.join(called)}")
    if router and router not in called:
        raise click.ClickException(f"--router: there is no {router}, only {', '.join(called)}")
    return (called.index(router), router) if router else (0, called[0])


async def _against(client: "Client", raw: Mapping[str, Any], status: "HAClusterStatus", move: _Move) -> str:
    """Why the node cannot take over; empty: it can, as far as anybody knows. The operator itself has the last word."""
    from hacluster.kube.client import ApiError
    from hacluster.kube.kinds import NODE
    from hacluster.plan.model import NodeView
    from hacluster.plan.topology.preference import observed

    if raw["spec"].get("paused"):
        return "spec.paused is true, so nothing is moved"
    entry = next((each for each in status.nodes if each.name == move.node), None)
    cordoned = False
    try:
        known = await client.get(NODE, None, move.node)
    except ApiError as error:
        if error.status != 403:
            raise
        known = {}  # whoever may not read nodes has the operator's word
    if known is None:
        return "there is no such node"
    if known:
        cordoned = bool(known.get("spec", {}).get("unschedulable"))
        if not raw["spec"]["nodeSelector"].items() <= (known["metadata"].get("labels") or {}).items():
            return "spec.nodeSelector does not select it"
    if cordoned:
        return f"it is cordoned (kubectl uncordon {move.node})"
    seen = observed(NodeView(move.node), entry, silent=move.node in status.silent_nodes, cordoned=cordoned)
    if move.router in seen.faults:
        return "its keepalived is in FAULT or does not run"
    return seen.unfit or ("" if move.router in (seen.ready or ()) else "its keepalived and HAProxy are not ready yet")


async def _prefer(client: "Client", move: _Move, read: Mapping[str, Any]) -> int:
    """Changes the field if the router still is what was read; the resource's new generation."""
    from hacluster.kube.client import ApiError
    from hacluster.kube.kinds import HACLUSTER

    path = f"/spec/virtualRouters/{move.index}"
    patch: list[dict[str, Any]] = [
        {"op": "test", "path": path, "value": read},
        {"op": "add", "path": f"{path}/preferredNode", "value": move.node},
    ]
    try:
        changed = await client.patch(HACLUSTER, move.namespace, move.cluster, patch)
    except ApiError as error:
        if error.status == 422 and "test" in error.message:
            raise click.ClickException("somebody else has just changed the virtual router; look again, and try again") from None
        raise
    return int(changed["metadata"]["generation"])


async def _arrived(client: "Client", move: _Move, generation: int) -> "HAClusterStatus":
    """The status in which the node has all of the router's virtual IPs."""
    from hacluster.kube.status import read_status

    while True:
        status = read_status((await _read(client, move.namespace, move.cluster)).get("status") or {})
        if _holders(status, move.router) == {move.node}:
            return status
        if refusal := _refusal(status, move, generation):
            raise click.ClickException(f"{refusal} ({move.field} stays {move.node}; whoever is preferred moves once it is fit)")
        await asyncio.sleep(LOOK_EVERY)


def _refusal(status: "HAClusterStatus", move: _Move, generation: int) -> str:
    """Why the operator does not do it."""
    told = {each.type: each for each in status.conditions if each.observed_generation >= generation}
    accepted, degraded = told.get("Accepted"), told.get("Degraded")
    if accepted and accepted.status.value == "False":
        return accepted.message
    if degraded is None or degraded.status.value != "True":
        return ""
    if move.field in degraded.message:
        return degraded.message[degraded.message.index(move.field) :]
    return degraded.message if degraded.reason == Reason.CONFIGURATION_REFUSED else ""


async def _still(client: "Client", move: _Move, timeout: float) -> str:  # noqa: ASYNC109
    from hacluster.kube.status import read_status

    status = read_status((await _read(client, move.namespace, move.cluster)).get("status") or {})
    where = " and ".join(sorted(_holders(status, move.router))) or "nobody"
    said = [f"{each.type}: {each.message}" for each in status.conditions if each.type in ("Degraded", "Reconciling")]
    why = "; ".join(each for each in said if not each.endswith(": ")) or "is the operator running?"
    return f"{move.router} is not on {move.node} after {timeout:g} s, but on {where}. {why} ({move.field} stays {move.node})"


async def _told(client: "Client", move: _Move, before: "HAClusterStatus", after: "HAClusterStatus") -> str:
    """From where to where, and for how long nobody had it, as soon as the new holder has told."""
    from hacluster.kube.status import read_status

    try:
        async with asyncio.timeout(MEASURED_WITHIN):
            while (took := _duration(before, after, move)) is None:
                await asyncio.sleep(LOOK_EVERY)
                after = read_status((await _read(client, move.namespace, move.cluster)).get("status") or {})
    except TimeoutError:
        took = None
    origin = " and ".join(sorted(_holders(before, move.router))) or "nobody"
    return f"{move.router}: {origin} → {move.node}" + (f" in {took} ms" if took is not None else "")


def _duration(before: "HAClusterStatus", after: "HAClusterStatus", move: _Move) -> int | None:
    last = after.last_failover
    ours = last and last.router == move.router and last.to == move.node
    if last is None or not ours or (before.last_failover and before.last_failover.at == last.at):
        return None
    return last.duration_milliseconds


def _holders(status: "HAClusterStatus", router: str) -> set[str]:
    """The nodes that have the router's virtual IPs; none while any of them is nowhere."""
    having = [set(each.holders) for each in status.virtual_ips if each.router == router]
    return set[str]().union(*having) if all(having) else set()
