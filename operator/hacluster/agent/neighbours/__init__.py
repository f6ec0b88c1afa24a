"""Other hosts on the node's segments, found by ARP and IPv6 neighbour discovery. The files, in the order of the data:

- `source.py` – which of the node's own addresses is the sender of a question.
- `packet.py` – builds questions and probes, parses claims ("this address is mine"), and builds the kernel's packet filters.
- `sockets.py` – sends questions and probes, and receives claims by packet sockets.
- `preflight.py` – before the daemons' first start: checks that no other host has a virtual IP.
- `conflicts.py` – stores claims of virtual IPs that this node holds.
- `monitor.py` – while the node runs: reports these conflicts, and the anomalies of `vrrp/anomalies.py`.
- `liveness.py` – decides when another node is asked and when it counts as gone; `haproxy/peers.py` uses it.
"""
