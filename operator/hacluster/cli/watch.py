"""`hacluster watch`: a line for each move and each change of state, as it happens."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from hacluster.cli.cluster import namespace_of, namespace_options, run

if TYPE_CHECKING:
    from hacluster.api.status import HAClusterStatus, LastFailover, NodeStatus
    from hacluster.kube.client import Client

Key = tuple[str, str]
LONGEST_PAUSE = 8.0


@click.command("watch")
@click.argument("name", default="")
@namespace_options
def command(name: str, namespace: str, everywhere: bool) -> None:
    """Print each move of a virtual IP and each change of a node or condition, until Ctrl-C.

    What is the case when it starts comes first. Times are this machine's, in UTC.
    """
    where = namespace_of(name, namespace, everywhere=everywhere)
    try:
        run(lambda client: _follow(client, where, name))
    except KeyboardInterrupt:
        return


async def _follow(client: "Client", namespace: str | None, name: str) -> None:
    """Never returns. A watch that ends is begun again, and what changed meanwhile is told then."""
    from hacluster.kube.client import ApiError
    from hacluster.kube.kinds import HACLUSTER

    known: dict[Key, HAClusterStatus] = {}
    pause, begun = 0.5, False
    while True:
        try:
            if begun:
                await _tell_what_went(client, namespace, known)
            async for kind, raw in client.watch(HACLUSTER, namespace=namespace, name=name):
                begun, pause = True, 0.5
                _take(known, kind, raw)
        except ApiError as error:
            if not begun or error.permanent:
                raise
            _say("", f"{error}; trying again")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)


async def _tell_what_went(client: "Client", namespace: str | None, known: "dict[Key, HAClusterStatus]") -> None:
    """A watch begins with what is there: what was deleted before it, only a listing tells."""
    from hacluster.kube.kinds import HACLUSTER

    there = {_key(raw) async for raw in client.list(HACLUSTER, namespace=namespace)}
    for key in known.keys() - there:
        _gone(known, key)


def _take(known: "dict[Key, HAClusterStatus]", kind: str, raw: dict[str, Any]) -> None:
    from hacluster.api.status import HAClusterStatus
    from hacluster.kube.status import read_status
    from hacluster.plan.status import view

    key = _key(raw)
    if kind == "DELETED":
        _gone(known, key)
        return
    before, after = known.get(key, HAClusterStatus()), view(read_status(raw.get("status") or {})).status
    known[key] = after
    for line in changes(before, after):
        _say("/".join(key), line)


def _gone(known: "dict[Key, HAClusterStatus]", key: Key) -> None:
    if known.pop(key, None) is not None:
        _say("/".join(key), "deleted")


def changes(before: "HAClusterStatus", after: "HAClusterStatus") -> Iterator[str]:
    """What is different, a line each. Conditions that are seen for the first time and are as they should be are no news."""
    from hacluster.plan.status import needs_attention

    yield from _moves(before, after)
    yield from _nodes(before, after)
    old = {each.type: each for each in before.conditions}
    for new in after.conditions:
        was = old.get(new.type)
        changed = needs_attention(new) if was is None else (was.status, was.reason) != (new.status, new.reason)
        if changed:
            yield f"{new.type}={new.status} {new.reason}{f': {new.message}' if new.message else ''}"


def _moves(before: "HAClusterStatus", after: "HAClusterStatus") -> Iterator[str]:
    known = {vip.address: vip for vip in before.virtual_ips}
    for vip in after.virtual_ips:
        was = known.get(vip.address)
        if was is not None and was.holders == vip.holders:
            continue
        if len(vip.holders) > 1:
            yield f"{vip.address} is on {' and '.join(vip.holders)} at the same time"
        elif not vip.holder:
            yield f"{vip.address} has no holder (last: {vip.last_holder or 'none'})"
        elif was is None or was.last_holder in ("", vip.holder):
            yield f"{vip.address} is on {vip.holder}"
        else:
            yield f"{vip.address} moved from {was.last_holder} to {vip.holder}"
    if (last := after.last_failover) and last != before.last_failover:
        yield _failover(last)


def _failover(last: "LastFailover") -> str:
    took = f", {last.duration_milliseconds} ms without a holder" if last.duration_milliseconds is not None else ""
    return f"failover of {last.router} from {last.from_} to {last.to} at {last.at}: {last.reason}{took}"


def _nodes(before: "HAClusterStatus", after: "HAClusterStatus") -> Iterator[str]:
    known = {node.name: _state(node) for node in before.nodes}
    for node in after.nodes:
        state = _state(node)
        if known.get(node.name) != state:
            silent = ", not heard of for ten seconds" if node.name in after.silent_nodes else ""
            yield f"{node.name}: {state}{silent}"
    for name in known.keys() - {node.name for node in after.nodes}:
        yield f"{name}: takes part no longer"


def _state(node: "NodeStatus") -> str:
    routers = ", ".join(f"{router.name} {router.state}" for router in node.routers)
    apache = f", Apache {node.apache}" if node.apache else ""
    revision = f", revision {node.config_revision}" if node.config_revision else ""
    problems = "".join(f", {each.reason}: {each.message}" for each in node.problems)
    return f"{routers or 'no virtual router'}, HAProxy {node.haproxy}{apache}{revision}{problems}"


def _key(raw: dict[str, Any]) -> Key:
    return raw["metadata"]["namespace"], raw["metadata"]["name"]


def _say(who: str, line: str) -> None:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    click.echo(f"{now} {who + ': ' if who else ''}{line}")
