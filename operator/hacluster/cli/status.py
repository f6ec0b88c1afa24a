"""`hacluster status`: who holds what, which nodes are fit, and what is wrong. Nothing that a silent node said of itself is repeated."""

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
from hacluster.cli.cluster import namespace_of, namespace_options, run

if TYPE_CHECKING:
    from hacluster.api.status import Condition, HAClusterStatus, NodeStatus, VirtualIPStatus
    from hacluster.kube.client import Client
    from hacluster.plan.status import View

Key = tuple[str, str]
"""Namespace and name."""

ONE_RENEWAL = 4.0
"""Seconds within which a node that is there renews its Lease, whatever its clock shows."""


@dataclass(frozen=True)
class Found:
    """One resource."""

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

    A node that was not heard of for ten seconds is Unknown, whatever it said before. JSON and YAML are the status in this light.
    """
    where = namespace_of(name, namespace, everywhere=everywhere)
    found, now = run(lambda client: _look(client, where, name))
    if output == "table":
        click.echo("\n\n".join("\n".join(_lines(each, now)) for each in found) or f"no {names.KIND} {_where(where)}")
        return
    documents = [_document(each) for each in found]
    shown: Any = documents[0] if name else documents
    click.echo(json.dumps(shown, indent=2, ensure_ascii=False) if output == "json" else _yaml(shown), nl=output == "json")


async def _look(client: "Client", namespace: str | None, name: str) -> "tuple[list[Found], datetime]":
    """The resources, and the time by the API server's clock."""
    from hacluster.kube.client import ApiError
    from hacluster.kube.status import read_status
    from hacluster.plan.status import view

    raws = sorted(await _resources(client, namespace, name), key=_key)
    statuses = {_key(raw): read_status(raw.get("status") or {}) for raw in raws}
    silent: dict[Key, frozenset[str]] = {}
    try:
        silent = await _silent(client, namespace, statuses)
    except ApiError as error:
        click.echo(f"the nodes' Leases cannot be read, so only the operator's word tells who is silent: {error}", err=True)
    found = [
        Found(*_key(raw), raw["metadata"].get("generation", 0), view(statuses[_key(raw)], silent.get(_key(raw), ())))
        for raw in raws
    ]
    return found, await client.server_time()


async def _resources(client: "Client", namespace: str | None, name: str) -> list[dict[str, Any]]:
    from hacluster.kube.kinds import HACLUSTER

    if not name:
        return [each async for each in client.list(HACLUSTER, namespace=namespace)]
    one = await client.get(HACLUSTER, namespace, name)
    if one is None:
        raise click.ClickException(f"there is no {names.KIND} {name} {_where(namespace)}")
    return [one]


async def _silent(
    client: "Client", namespace: str | None, statuses: "Mapping[Key, HAClusterStatus]"
) -> dict[Key, frozenset[str]]:
    """The nodes of each resource that do not renew their Leases."""
    from hacluster.plan.status import stale

    renewed, now = await _renewals(client, namespace), await client.server_time()
    suspects = {key: stale(status, _of(renewed, key, status.nodes), now) for key, status in statuses.items()}
    if all(suspects[key] <= set(status.silent_nodes) for key, status in statuses.items()):
        return suspects
    # The operator hears them. Either it does not run, or a clock is wrong: who renews now is there.
    await asyncio.sleep(ONE_RENEWAL)
    later = await _renewals(client, namespace)
    return {
        key: frozenset(node for node in nodes if later.get(_lease(key, node)) == renewed.get(_lease(key, node)))
        for key, nodes in suspects.items()
    }


async def _renewals(client: "Client", namespace: str | None) -> dict[Key, datetime]:
    """When each Lease was renewed, by namespace and name."""
    from hacluster.kube.kinds import LEASE

    found = {}
    async for each in client.list(LEASE, namespace=namespace):
        if renewed := each["spec"].get("renewTime"):
            found[each["metadata"]["namespace"], each["metadata"]["name"]] = datetime.fromisoformat(renewed)
    return found


def _of(renewed: Mapping[Key, datetime], key: Key, nodes: "Sequence[NodeStatus]") -> dict[str, datetime | None]:
    return {node.name: renewed.get(_lease(key, node.name)) for node in nodes}


def _lease(key: Key, node: str) -> Key:
    return key[0], names.lease(key[1], node)


def _key(raw: Mapping[str, Any]) -> Key:
    return raw["metadata"]["namespace"], raw["metadata"]["name"]


def _where(namespace: str | None) -> str:
    return f"in namespace {namespace}" if namespace else "in any namespace"


def _document(found: Found) -> dict[str, Any]:
    status = found.view.status.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {"namespace": found.namespace, "name": found.name, "generation": found.generation, **status}


def _yaml(document: Any) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def _lines(found: Found, now: datetime) -> Iterator[str]:
    """The resource for people."""
    status = found.view.status
    attention = list(found.view.attention)
    ready = not any(each.type == "Ready" for each in attention) and bool(status.conditions)
    title = click.style("Ready", fg="green") if ready else click.style("Not ready", fg="red", bold=True)
    nodes = f", {status.ready_nodes} of {status.desired_nodes} nodes are fit" if status.desired_nodes is not None else ""
    yield f"{click.style(f'{found.namespace}/{found.name}', bold=True)}: {title}{nodes}"
    if status.observed_generation != found.generation:
        yield f"  {_warn('the operator has not dealt with the newest change')}: does it run?"
    if status.virtual_ips:
        yield from _vip_table(status.virtual_ips, now)
    if status.nodes:
        yield from _node_table(status.nodes, found.view.silent)
    if last := status.last_failover:
        took = f", {last.duration_milliseconds} ms" if last.duration_milliseconds is not None else ""
        yield f"  Last failover: {last.router} from {last.from_} to {last.to} at {last.at} ({last.reason}{took})"
    yield from (_condition(each) for each in attention)


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
        problems = ["not heard of for ten seconds or more"] if node.name in silent else []
        problems += [f"{each.reason}: {each.message}" for each in node.problems]
        rows.append(
            [
                node.name, _health(states or "Unknown"), priorities or "-", _health(str(node.haproxy)),
                _health(str(node.apache)) if node.apache else "-", node.config_revision or "-", _warn("; ".join(problems)),
            ]
        )  # fmt: skip
    return table.columns(rows)


def _health(word: str) -> str:
    bad = any(each in word for each in ("Down", "Fault", "Stopped", "Unknown"))
    return click.style(word, fg="red") if bad else word


def _warn(text: str) -> str:
    return click.style(text, fg="yellow") if text else ""


def _condition(condition: "Condition") -> str:
    said = f"{condition.type}={condition.status}"
    return f"  {_warn(said)} {condition.reason}{f': {condition.message}' if condition.message else ''}"
