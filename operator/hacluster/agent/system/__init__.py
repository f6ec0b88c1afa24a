"""What the agent uses of the operating system. Nothing here depends on the rest of the agent.

- `netlink.py` – lists links and addresses, reports that they changed, deletes an address.
- `routing.py` – lists, adds and deletes policy rules and the routes of a table.
- `nftables.py` – what nftables has loaded: generation, fingerprint, elements.
- `network.py` – the links and addresses as data, and which of them are reported in the status.
- `own_addresses.py` – which addresses are the node's own, and which move between nodes.
- `raw_sockets.py` – the raw sockets of VRRP, by which a reload of keepalived shows.
- `socket_diag.py` – the TCP sockets in some states.
- `proc_net.py` – reads the sockets in /proc/net.
- `tcp_sockets.py` – ports in use, and open connections of a virtual IP.
- `port_redirects.py` – which rules of the firewall redirect a port.
- `list_redirects.py` – the program that reads these rules.
- `only_one.py` – one agent of a resource at a time runs on a node.
- `processes.py` – which processes live, and signals.
- `commands.py` – runs a short command with a deadline.
- `files.py` – replaces a file atomically.
- `checksum.py` – the Internet checksum.
- `backoff.py` – the wait before the next try.
- `clock.py` – the wall clock.
"""
