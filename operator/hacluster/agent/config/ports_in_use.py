"""Which ports of a new configuration another program uses.

`Installer` asks before it installs files. This pod's own daemons must not count as another program. Where a reload was not answered in
time, HAProxy may have loaded the new files or the good ones, so HAProxy itself is asked for its ports (`Daemons.haproxy_ports`).
"""

from collections.abc import Awaitable, Callable, Collection
from itertools import chain

from hacluster.agent.config.bundle import BadBundle, read_offered
from hacluster.agent.paths import Paths
from hacluster.agent.system.tcp_sockets import Listener, describe, find_ports_in_use, read_listeners
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem
from hacluster.nodeconfig import AgentConfig, Port

Loaded = Callable[[], Awaitable[Collection[Port] | None]]
"""Tells the ports that HAProxy has loaded; None: it does not answer."""


async def ports_in_use(
    new: AgentConfig, good: AgentConfig | None, live: AgentConfig | None, loaded: Loaded, listeners: Collection[Listener]
) -> tuple[NodeProblem, ...]:
    """A problem for each port of `new` on which another program listens.

    `good`: what the daemons have loaded for certain; None before their start. `live`: what the files in the run directory say.
    `loaded` is called only where a port seems to be in use.
    """
    if not (found := find_ports_in_use(new.all_ports, good.all_ports if good else (), listeners)) or good is None:
        return tuple(_problem(*each) for each in found)
    own = await loaded()
    if own is None:
        own = live.ports if live else ()
    own = tuple(chain(good.all_ports, own, live.other_ports if live else ()))
    return tuple(_problem(*each) for each in find_ports_in_use(new.all_ports, own, listeners))


def others_serve(paths: Paths, node: str) -> bool:
    """Whether somebody listens on the ports of the offered files, and this pod's daemons were never started: another pod's daemons run.

    Such a pod has lost its agent, and the kubelet starts that again.
    """
    if paths.ready.exists():
        return False
    try:
        offered = read_offered(paths.config, node)
        return offered is not None and bool(find_ports_in_use(offered.config.all_ports, (), read_listeners()))
    except (BadBundle, OSError):
        return False


def _problem(port: Port, listener: Listener) -> NodeProblem:
    return NodeProblem(reason=Reason.PORT_IN_USE, message=describe(port, listener))
