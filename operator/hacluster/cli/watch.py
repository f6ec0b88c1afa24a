"""`hacluster watch`: prints a line for each move of a virtual IP and each change of a node or condition, as it happens.

The command watches the resources and prints the difference between the previous and the new status (`changes`). Nodes in
`status.silentNodes` count as Unknown and hold nothing. Unlike `hacluster status` it reads nothing else, so while the operator
is away it shows a dead node as it was.
"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from hacluster.cli.cluster import Key, key_of, namespace_of, namespace_options, run
from hacluster.cli.printable import clean, printable

if TYPE_CHECKING:
    from hacluster.api.status import HAClusterStatus, LastFailover, NodeStatus
    from hacluster.kube.client import Client

MAX_RETRY_PAUSE = 8.0
"""Seconds."""


@click.command("watch")
@click.argument("name", default="")
@namespace_options
def command(name: str, namespace: str, everywhere: bool) -> None:
    """Print each move of a virtual IP and each change of a node or condition, until Ctrl-C.

    The present state is printed first. Times are this machine's, in UTC.
    """
    selected = namespace_of(name, namespace, everywhere=everywhere)
    try:
        run(lambda client: _watch(client, selected, name))
    except KeyboardInterrupt:
        return


async def _watch(client: "Client", namespace: str | None, name: str) -> None:
    """Runs until cancelled. Starts the watch again when it ends, and then prints what changed in between.

    Raises:
        ApiError: the first watch failed, or an error that a repetition cannot cure.

    """
    from hacluster.kube.client import ApiError
    from hacluster.kube.kinds import HACLUSTER

    statuses: dict[Key, HAClusterStatus] = {}
    pause, started = 0.5, False
    while True:
        try:
            if started:
                await _print_missed_deletions(client, namespace, statuses)
            async for kind, raw in client.watch(HACLUSTER, namespace=namespace, name=name):
                started, pause = True, 0.5
                _handle_event(statuses, kind, clean(raw))
        except ApiError as error:
            if not started or error.permanent:
                raise
            _print_line("", f"{error}; trying again")
            await asyncio.sleep(pause)
            pause = min(pause * 2, MAX_RETRY_PAUSE)


async def _print_missed_deletions(client: "Client", namespace: str | None, statuses: "dict[Key, HAClusterStatus]") -> None:
    """A new watch reports the resources that exist, but not those that were deleted while no watch was running."""
    from hacluster.kube.kinds import HACLUSTER

    existing = {key_of(raw) async for raw in client.list(HACLUSTER, namespace=namespace)}
    for key in statuses.keys() - existing:
        _handle_deletion(statuses, key)


def _handle_event(statuses: "dict[Key, HAClusterStatus]", kind: str, raw: dict[str, Any]) -> None:
    """Prints what a watch event changes, and records the new status in `statuses`."""
    from hacluster.api.status import HAClusterStatus
    from hacluster.kube.status import read_status
    from hacluster.plan.status import view

    key = key_of(raw)
    if kind == "DELETED":
        _handle_deletion(statuses, key)
        return
    before, after = statuses.get(key, HAClusterStatus()), view(read_status(raw.get("status") or {})).status
    statuses[key] = after
    for line in changes(before, after):
        _print_line("/".join(key), line)


def _handle_deletion(statuses: "dict[Key, HAClusterStatus]", key: Key) -> None:
    if statuses.pop(key, None) is not None:
        _print_line("/".join(key), "deleted")


def changes(before: "HAClusterStatus", after: "HAClusterStatus") -> Iterator[str]:
    """One line for each difference. A new condition gives a line only if it needs attention."""
    from hacluster.plan.status import needs_attention

    yield from _move_lines(before, after)
    yield from _node_lines(before, after)
    old_conditions = {each.type: each for each in before.conditions}
    for new in after.conditions:
        old = old_conditions.get(new.type)
        changed = needs_attention(new) if old is None else (old.status, old.reason) != (new.status, new.reason)
        if changed:
            yield f"{new.type}={new.status} {new.reason}{f': {new.message}' if new.message else ''}"


def _move_lines(before: "HAClusterStatus", after: "HAClusterStatus") -> Iterator[str]:
    old_vips = {vip.address: vip for vip in before.virtual_ips}
    for vip in after.virtual_ips:
        old = old_vips.get(vip.address)
        if old is not None and old.holders == vip.holders:
            continue
        if len(vip.holders) > 1:
            yield f"{vip.address} is on {' and '.join(vip.holders)} at the same time"
        elif not vip.holder:
            yield f"{vip.address} has no holder (last: {vip.last_holder or 'none'})"
        elif old is None or old.last_holder in ("", vip.holder):
            yield f"{vip.address} is on {vip.holder}"
        else:
            yield f"{vip.address} moved from {old.last_holder} to {vip.holder}"
    if (last := after.last_failover) and last != before.last_failover:
        yield _failover_line(last)


def _failover_line(last: "LastFailover") -> str:
    duration = f", takeover in {last.duration_milliseconds} ms" if last.duration_milliseconds is not None else ""
    return f"failover of {last.router} from {last.from_} to {last.to} at {last.at}: {last.reason}{duration}"


def _node_lines(before: "HAClusterStatus", after: "HAClusterStatus") -> Iterator[str]:
    old_states = {node.name: _state(node) for node in before.nodes}
    for node in after.nodes:
        state = _state(node)
        if old_states.get(node.name) != state:
            silent = ", it counts as lost" if node.name in after.silent_nodes else ""
            yield f"{node.name}: {state}{silent}"
    for name in old_states.keys() - {node.name for node in after.nodes}:
        yield f"{name}: takes part no longer"


def _state(node: "NodeStatus") -> str:
    """Everything about the node that is printed when it changes, on one line."""
    routers = ", ".join(f"{router.name} {router.state}" for router in node.routers)
    apache = f", Apache {node.apache}" if node.apache else ""
    revision = f", revision {node.config_revision}" if node.config_revision else ""
    problems = "".join(f", {each.reason}: {each.message}" for each in node.problems)
    return f"{routers or 'no virtual router'}, HAProxy {node.haproxy}{apache}{revision}{problems}"


def _print_line(resource: str, line: str) -> None:
    """Prints a line with the time; `resource` is its namespace and name, empty for a message about the connection."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    click.echo(f"{now} {resource + ': ' if resource else ''}{printable(line)}")
