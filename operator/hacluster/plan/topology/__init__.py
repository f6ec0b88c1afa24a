"""Which nodes take part, on which interface, with which priority, VRID and addresses.

The files, in the order in which data passes through them:

- `virtual_ips.py` – takes virtual IPs out of what the nodes report, and refuses those that a node has already.
- `loops.py` – refuses servers that are the nodes' own listeners.
- `priorities.py` – the base priority of each node.
- `backends.py` – the address on which each node's Apache listens.
- `stats.py` – the addresses of the interface to which the statistics page is limited.
- `routerids.py` – the VRID of each virtual router.
- `addresses.py` – which of a node's interfaces and addresses fit a virtual IP.
- `subnets.py` – whether a virtual IP's prefix length is that of the real subnet.
- `interface_choice.py` – the interface on which a node runs a virtual router.
- `moved_together.py` – the members and priorities of virtual routers that move together.
- `preference.py` – preferred and cordoned nodes: their priorities, and which node yields.
- `segments.py` – where each virtual router advertises: which routers may hear each other.
- `separate_segments.py` – refuses or warns of members that cannot hear each other.
- `router_claims.py` – the VRIDs of other resources: which ones this one may use.
- `topology.py` – calls the ones above, and puts their results into one `Topology`.
"""
