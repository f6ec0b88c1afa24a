"""Whether a lab is settled: one holder, the node with the highest priority, and every node ready.

`FaultInjector` calls `wait_until_settled` before each event and `is_settled` after it, so that every trial starts from the same state.
This is the only place where the agents' reports are used; what is measured comes from the client and the watchers.
"""

import time
from collections.abc import Callable
from typing import Final

from hacluster.plan import Plan
from hacluster.rehearse.lab import Lab, NotReady

RECOVERY_TIMEOUT: Final = 45.0
"""Seconds that a lab has to settle."""
STABLE: Final = 0.3
"""Seconds for which it has to stay settled."""


def wait_until_settled(lab: Lab) -> str:
    """Waits until the lab is settled and every server is up; returns the holder.

    Raises:
        NotReady: it did not settle in time.

    """
    best = best_node(lab.plan)
    wait_for(lambda: is_settled(lab, best), RECOVERY_TIMEOUT)
    for node in lab.nodes.values():
        node.mark_servers_up()
    until = time.monotonic() + RECOVERY_TIMEOUT
    since: float | None = None
    while since is None or time.monotonic() - since < STABLE:
        now = time.monotonic()
        settled = is_settled(lab, best) and all(node.servers_up() for node in lab.nodes.values())
        since = (since or now) if settled else None
        if now > until:
            raise NotReady(
                f"not settled after {RECOVERY_TIMEOUT:g} s: {best} should be the only holder, with every node ready\n{lab.log_tails()}"
            )
        time.sleep(0.01)
    return best


def is_settled(lab: Lab, holder: str) -> bool:
    """Whether this node, and it alone, has the virtual IP, and every node is ready."""
    return lab.address_watch.holders(lab.address) == {holder} and all(is_ready(lab, name) for name in lab.nodes)


def is_ready(lab: Lab, name: str) -> bool:
    """Whether the node's daemons run and, where there is an agent, it reports them up with the planned configuration."""
    node = lab.nodes[name]
    if not all(node.daemon(each) for each in ("keepalived", "haproxy")):
        return False
    if not node.agent:
        return True
    if node.api_host:  # no report can be read: keepalived's track file has to do
        return node.paths.track_haproxy.read_text() == "0"
    entry = node.entry()
    states = {router["state"] for router in entry.get("routers", ())}
    revision = lab.plan.revisions[name]
    return entry.get("haproxy") == "Up" and states <= {"Master", "Backup"} and entry.get("configRevision") == revision


def best_node(plan: Plan) -> str:
    """The node with the highest priority for the first router."""
    members = plan.topology.routers[0].members
    return max(members, key=lambda name: members[name].priority)


def wait_for(condition: Callable[[], bool], within: float) -> bool:
    """Waits for at most `within` seconds; returns whether the condition came true."""
    until = time.monotonic() + within
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True
