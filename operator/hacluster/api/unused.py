"""Rules against fields of `spec` that have no effect beside the others. Those inside one model are with that model.

A user who sets such a field believes that it does something. So it is refused, with what to do about it. What `spec.nodes` says of a
node is no setting but a fact, and may stay while nothing needs it.
"""

from typing import Final

from hacluster.api.base import Rule

WITHOUT_EFFECT: Final = (
    Rule(
        cel="has(self.apache) || !has(self.backendNetwork)",
        message="says where Apache listens, and there is none; remove it, or add `apache: {}`",
        holds=lambda s: s.apache is not None or s.backend_network is None,
        field="backendNetwork",
    ),
    Rule(
        cel="has(self.apache) || self.images.apache == ''",
        message="there is no Apache; remove it, or add `apache: {}`",
        holds=lambda s: s.apache is not None or not s.images.apache,
        field="images.apache",
    ),
    Rule(
        cel="has(self.apache) || !has(self.resources.apache)",
        message="there is no Apache; remove it, or add `apache: {}`",
        holds=lambda s: s.apache is not None or s.resources.apache is None,
        field="resources.apache",
    ),
    Rule(
        cel="self.vrrp.version == 3 || self.virtualRouters.exists(r, !r.virtualIPs.all(a, isCIDR(a) && cidr(a).ip().family() == 6))",
        message="version 2 is for IPv4 only, and every virtual router has IPv6 addresses; remove it",
        holds=lambda s: s.vrrp.version == 3 or any(r.virtual_ips[0].version == 4 for r in s.virtual_routers),
        field="vrrp.version",
    ),
)
"""For `HAClusterSpec`."""
