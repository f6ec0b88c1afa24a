"""Decides whether this node leaves its virtual IPs to others because it reaches no server of a listener (`vrrp.check.listeners`).

It yields, as in a planned move: with preemption Immediate its priority is 1 for as long as that lasts, so the next node takes over before
it gives them up; otherwise it gives them up for a moment, once. Where no other node reaches a server either, all are alike, and the
virtual IPs stay where they are: they never vanish because of it.
"""

from typing import Final

from hacluster.agent.state import AgentState
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem

PART: Final = "needed listeners"
"""The key of this part's problems in the state."""


def down_listeners(state: AgentState) -> tuple[str, ...]:
    """The needed listeners of which no server is up. None while HAProxy's checks are not known: the node is unfit then, or new."""
    config = state.now.installed
    up: dict[str, int] = {}
    for each in state.now.listeners if config else ():
        listener = each.name.partition(":")[0]  # what follows is a route, whose servers count as well
        up[listener] = up.get(listener, 0) + each.servers_up
    return tuple(name for name in (config.needed_listeners if config else ()) if up.get(name) == 0)


def report(state: AgentState, down: tuple[str, ...]) -> None:
    """Puts the problem into the state, or takes it out."""
    if not down:
        state.put_problems(PART)
        return
    names = ", ".join(down)
    message = f"none of the servers of {names} is up as seen from this node, so it leaves the virtual IPs to others (vrrp.check.listeners)"
    state.put_problems(PART, NodeProblem(reason=Reason.NO_SERVER_UP, message=message))
