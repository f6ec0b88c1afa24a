"""Planned moves of virtual IPs without broken connections: yielding, draining, and forwarding of open connections.

The files in the order in which they act during a move:

- `handover.py` – makes this node yield its virtual IPs, and decides when the daemons of a pod that ends may stop.
- `rules.py` – the `ip` commands and nftables scripts that keep open connections alive (pure texts).
- `netfilter.py` – runs these commands and scripts.
- `second_chance.py` – keeps the kernel's routes and rules equal to the configuration, and the earlier holders in the rules current.
"""
