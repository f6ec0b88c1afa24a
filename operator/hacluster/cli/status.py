"""`hacluster status`: shows the holders of the virtual IPs, the state of each node, and the conditions that need attention.

A silent node is shown as Unknown, because its entry in `status.nodes` stays as it was when its agent stopped. The operator
names silent nodes in `status.silentNodes`, but it may not run; so the command also reads the nodes' Leases and compares them with
the API server's clock, not with that of the machine on which it runs.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
import yaml

from hacluster import names
from hacluster.cli import table
from hacluster.cli.cluster import Key, key_of, namespace_of, namespace_options, read_resource, run

if TYPE_CHECKING:
    from hacluster.api.status import Condition, HAClusterStatus, NodeStatus, VirtualIPStatus
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

    A node that was not heard from for ten seconds is shown as Unknown, whatever it reported before; in JSON and YAML, too.
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
    statuses = {key_of(raw): read_status(raw.get("status") or {}) for raw in raws}
    silent: dict[Key, frozenset[str]] = {}
    try:
        silent = await _find_silent_nodes(client, namespace, statuses)
    except ApiError as error:
        click.echo(f"the nodes' Leases cannot be read, so only the operator can tell which nodes are silent: {error}", err=True)
    resources = [
        Resource(*key_of(raw), raw["metadata"].get("generation", 0), view(statuses[key_of(raw)], silent.get(key_of(raw), ())))
        for raw in raws
    ]
    return resources, await client.server_time()


async def _read_raw(client: "Client", namespace: str | None, name: str) -> list[dict[str, Any]]:
    """The resources as the API server sends them: the one called `name`, or all if `name` is empty."""
    from hacluster.kube.kinds import HACLUSTER

    if not name:
        return [each async for each in client.list(HACLUSTER, namespace=namespace)]
    return [await read_resource(client, namespace or "", name)]


async def _find_silent_nodes(
    client: "Client", namespace: str | None, statuses: "Mapping[Key, HAClusterStatus]"
) -> dict[Key, frozenset[str]]:
    """The nodes of each resource whose agents do not renew their Leases."""
    from hacluster.plan.status import silent_by_lease
    from hacluster.timing import RENEWED_WITHIN

    renewed, now = await _read_renew_times(client, namespace), await client.server_time()
    suspects = {
        key: silent_by_lease(status, _renew_times_of(key, status.nodes, renewed), now) for key, status in statuses.items()
    }
    if all(suspects[key] <= set(status.silent_nodes) for key, status in statuses.items()):
        return suspects
    # A Lease looks old, but the operator does not call its node silent. Either the operator does not run, or the node's clock
    # is wrong. Only a node that is really silent does not renew its Lease while we wait.
    await asyncio.sleep(RENEWED_WITHIN.total_seconds())
    later = await _read_renew_times(client, namespace)
    return {
        key: frozenset(node for node in nodes if later.get(_lease_key(key, node)) == renewed.get(_lease_key(key, node)))
        for key, nodes in suspects.items()
    }


async def _read_renew_times(client: "Client", namespace: str | None) -> dict[Key, datetime]:
    """When each Lease was last renewed, by its node's clock; keys are the Leases' namespaces and names."""
    from hacluster.kube.kinds import LEASE

    times = {}
    async for lease in client.list(LEASE, namespace=namespace):
        if renewed := lease["spec"].get("renewTime"):
            times[lease["metadata"]["namespace"], lease["metadata"]["name"]] = datetime.fromisoformat(renewed)
    return times


def _renew_times_of(key: Key, nodes: "Sequence[NodeStatus]", renewed: Mapping[Key, datetime]) -> dict[str, datetime | None]:
    """The renew times of one resource's Leases, by node; None: the Lease was never renewed."""
    return {node.name: renewed.get(_lease_key(key, node.name)) for node in nodes}


def _lease_key(key: Key, node: str) -> Key:
    """Namespace and name of the node's Lease for the resource `key`."""
    return key[0], names.lease(key[1], node)


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
    if last := status.last_failover:
        duration = f", {last.duration_milliseconds} ms" if last.duration_milliseconds is not None else ""
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


def _node_table(nodes: "Sequence[NodeStatus]", silent: frozenset[str]) -> Iterator[str]:
    rows = [["NODE", "STATE", "PRIORITY", "HAPROXY", "APACHE", "REVISION", "PROBLEMS"]]
    for node in sorted(nodes, key=lambda node: node.name):
        several = len(node.routers) > 1
        states = ",".join(f"{each.name}={each.state}" if several else str(each.state) for each in node.routers)
        priorities = ",".join(str(each.priority or "-") for each in node.routers)
        problems = ["not heard from for ten seconds or more"] if node.name in silent else []
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
