"""Planned moves of virtual IPs without broken connections: yielding, draining, and forwarding of open connections.

The files in the order in which they act during a move:

- `handover.py` – makes this node yield its virtual IPs, and decides when the daemons of a pod that ends may stop.
- `yielding.py` – decides when a router's yield track file contains 1 (pure).
- `together.py` – decides what to yield because of a virtual router that moves with it.
- `unserved.py` – decides to yield because no server of a needed listener is up.
- `superseded.py` – ends keepalived early where the other nodes have newer settings than a pod that ends.
- `leave_record.py` – since when the pod ends, for an agent that is restarted meanwhile.
- `soft_stop.py` – stops HAProxy softly, and keeps its process until the preStop hooks have ended.
- `forwarding.py` – what belongs to a resource in the kernel: names, policy rules, routes (pure).
- `policy_routes.py` – keeps the kernel's policy rules and routes equal to that.
- `tracked_ports.py` – which ports need connection tracking while a listener changes.
- `open_connections.py` – the nftables scripts for connections that are older than connection tracking (pure texts).
- `rules.py` – the nftables scripts that keep open connections alive (pure texts).
- `netfilter.py` – runs these scripts, and reads what the kernel has of them.
- `tables.py` – keeps the kernel's nftables tables equal to the scripts.
- `earlier_holders.py` – to which earlier holders packets are passed on (pure).
- `repairs.py` – what is reported of parts that another program removed, or that the kernel refuses.
- `second_chance.py` – calls all of this at every change, and at least three times a second.
"""
