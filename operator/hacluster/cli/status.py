"""`hacluster status`: shows the holders of the virtual IPs, the state of each node, and the conditions that need attention.

A silent node is shown as Unknown, because its entry in `status.nodes` stays as it was when its agent stopped. The operator
names silent nodes in `status.silentNodes`, but it may not run. So the command also reads what Kubernetes says of the nodes, and takes
the nodes' entries from where their agents write them, the HAClusterNodes.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
import yaml

from hacluster import names
from hacluster.cli import table
from hacluster.cli.cluster import Key, key_of, namespace_of, namespace_options, read_resource, run
from hacluster.cli.printable import clean, printable

if TYPE_CHECKING:
    from hacluster.api.status import Condition, ListenerStatus, NodeStatus, VirtualIPStatus
    from hacluster.kube.client import Client
    from hacluster.plan.status import View


@dataclass(frozen=True)
class Resource:
    """One resource, and its status without what silent nodes reported."""

    namespace: str
    name: str
    generation: int
    view: "View"


@click.command("status")
@click.argument("name", default="")
@namespace_options
@click.option("-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table", show_default=True)
def command(name: str, namespace: str, everywhere: bool, output: str) -> None:
    """Who holds the virtual IPs, how each node is, and what needs attention.

    A node that counts as lost is shown as Unknown, whatever it reported before; in JSON and YAML, too.
    """
    selected = namespace_of(name, namespace, everywhere=everywhere)
    resources, now = run(lambda client: _read_resources(client, selected, name))
    if output == "table":
        texts = ["\n".join(_lines(each, now)) for each in resources]
        click.echo("\n\n".join(texts) or f"no {names.KIND} {_in_namespace(selected)}")
        return
    documents = [_document(each) for each in resources]
    result: Any = documents[0] if name else documents
    click.echo(json.dumps(result, indent=2, ensure_ascii=False) if output == "json" else _yaml(result), nl=output == "json")


async def _read_resources(client: "Client", namespace: str | None, name: str) -> "tuple[list[Resource], datetime]":
    """The resources, sorted by namespace and name, and the time by the API server's clock."""
    from hacluster.kube.client import ApiError
    from hacluster.kube.status import read_status
    from hacluster.plan.status import view

    raws = sorted(await _read_raw(client, namespace, name), key=key_of)
    lost: frozenset[str] = frozenset()
    entries: dict[Key, dict[str, NodeStatus]] = {}
    try:
        lost = await _find_lost_nodes(client)
    except ApiError as error:
        reason = printable(str(error))
        click.echo(f"the nodes cannot be read, so only the operator can tell which of them are lost: {reason}", err=True)
    try:
        entries = await _read_entries(client, namespace)
    except ApiError as error:
        reason = printable(str(error))
        click.echo(f"the agents' own reports cannot be read, so the operator's summary of them is shown: {reason}", err=True)
    resources = []
    for raw in raws:
        status, newer = read_status(raw.get("status") or {}), entries.get(key_of(raw), {})
        nodes = tuple(newer.get(node.name, node) for node in status.nodes)
        shown = view(status.model_copy(update={"nodes": nodes}), lost & {node.name for node in nodes})
        resources.append(Resource(*key_of(raw), raw["metadata"].get("generation", 0), shown))
    return resources, await client.server_time()


async def _read_raw(client: "Client", namespace: str | None, name: str) -> list[dict[str, Any]]:
    """The resources as the API server sends them: the one called `name`, or all if `name` is empty."""
    from hacluster.kube.kinds import HACLUSTER

    if not name:
        return [clean(each) async for each in client.list(HACLUSTER, namespace=namespace)]
    return [await read_resource(client, namespace or "", name)]


async def _find_lost_nodes(client: "Client") -> frozenset[str]:
    """The nodes of the cluster that Kubernetes calls not ready."""
    from hacluster.kube.kinds import NODE

    lost = set()
    async for node in client.list(NODE):
        conditions = (node.get("status") or {}).get("conditions") or ()
        if not any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions):
            lost.add(node["metadata"]["name"])
    return frozenset(lost)


async def _read_entries(client: "Client", namespace: str | None) -> "dict[Key, dict[str, NodeStatus]]":
    """What the agents report, by resource and node."""
    from hacluster.kube.kinds import HACLUSTER_NODE
    from hacluster.kube.status import read_entry

    entries: dict[Key, dict[str, NodeStatus]] = {}
    async for each in client.list(HACLUSTER_NODE, namespace=namespace):
        if status := each.get("status"):
            node = each["spec"]["nodeName"]
            entries.setdefault((each["metadata"]["namespace"], each["spec"]["cluster"]), {})[node] = read_entry(status, node)
    return entries


def _in_namespace(namespace: str | None) -> str:
    return f"in namespace {namespace}" if namespace else "in any namespace"


def _document(resource: Resource) -> dict[str, Any]:
    status = resource.view.status.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {"namespace": resource.namespace, "name": resource.name, "generation": resource.generation, **status}


def _yaml(document: Any) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def _lines(resource: Resource, now: datetime) -> Iterator[str]:
    """The lines of `--output table` for one resource."""
    status = resource.view.status
    attention = list(resource.view.attention)
    ready = not any(each.type == "Ready" for each in attention) and bool(status.conditions)
    title = click.style("Ready", fg="green") if ready else click.style("Not ready", fg="red", bold=True)
    nodes = f", {status.ready_nodes} of {status.desired_nodes} nodes are fit" if status.desired_nodes is not None else ""
    yield f"{click.style(f'{resource.namespace}/{resource.name}', bold=True)}: {title}{nodes}"
    if status.observed_generation != resource.generation:
        yield f"  {_yellow('the operator has not dealt with the newest change')}: does it run?"
    if status.virtual_ips:
        yield from _vip_table(status.virtual_ips, now)
    if status.nodes:
        yield from _node_table(status.nodes, resource.view.silent)
    if status.listeners:
        yield from _listener_table(status.listeners)
    if last := status.last_failover:
        duration = f", takeover in {last.duration_milliseconds} ms" if last.duration_milliseconds is not None else ""
        yield f"  Last failover: {last.router} from {last.from_} to {last.to} at {last.at} ({last.reason}{duration})"
    yield from (_condition_line(each) for each in attention)


def _vip_table(vips: "Sequence[VirtualIPStatus]", now: datetime) -> Iterator[str]:
    rows = [["VIRTUAL IP", "ROUTER", "VRID", "HOLDER", "SINCE", "MOVES"]]
    for vip in vips:
        holder = vip.holder or (" and ".join(vip.holders) if vip.holders else f"none (last: {vip.last_holder or 'none'})")
        colour = None if vip.holder and not vip.flapping_since else "red"
        since = table.ago(vip.since, now) if vip.holder else "-"
        moves = f"{vip.transitions}{' (flapping)' if vip.flapping_since else ''}"
        rows.append([vip.address, vip.router, str(vip.virtual_router_id), click.style(holder, fg=colour), since, moves])
    return table.columns(rows)


def _listener_table(listeners: "Sequence[ListenerStatus]") -> Iterator[str]:
    rows = [["LISTENER", "PORT", "SERVERS UP", "LAST CHECK"]]
    for each in listeners:
        up = click.style(f"{each.servers_up} of {each.servers}", fg=None if each.servers_up else "red")
        rows.append([each.name, str(each.port), up, each.last_check or "-"])
    return table.columns(rows)


def _node_table(nodes: "Sequence[NodeStatus]", silent: frozenset[str]) -> Iterator[str]:
    rows = [["NODE", "STATE", "PRIORITY", "HAPROXY", "APACHE", "REVISION", "PROBLEMS"]]
    for node in sorted(nodes, key=lambda node: node.name):
        several = len(node.routers) > 1
        states = ",".join(f"{each.name}={each.state}" if several else str(each.state) for each in node.routers)
        priorities = ",".join(str(each.priority or "-") for each in node.routers)
        problems = ["it counts as lost"] if node.name in silent else []
        problems += [f"{each.reason}: {each.message}" for each in node.problems]
        rows.append(
            [
                node.name, _red_if_bad(states or "Unknown"), priorities or "-", _red_if_bad(str(node.haproxy)),
                _red_if_bad(str(node.apache)) if node.apache else "-", node.config_revision or "-", _yellow("; ".join(problems)),
            ]
        )  # fmt: skip
    return table.columns(rows)


def _red_if_bad(state: str) -> str:
    bad = any(each in state for each in ("Down", "Fault", "Stopped", "Unknown"))
    return click.style(state, fg="red") if bad else state


def _yellow(text: str) -> str:
    return click.style(text, fg="yellow") if text else ""


def _condition_line(condition: "Condition") -> str:
    type_and_status = f"{condition.type}={condition.status}"
    return f"  {_yellow(type_and_status)} {condition.reason}{f': {condition.message}' if condition.message else ''}"
