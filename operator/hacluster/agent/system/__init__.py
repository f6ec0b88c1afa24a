"""What the agent uses of the operating system. Nothing here depends on the rest of the agent.

- `netlink.py` – lists links and addresses, reports that they changed, deletes an address.
- `network.py` – the links and addresses as data, and which of them are reported in the status.
- `tcp_sockets.py` – reads /proc/net/tcp: ports in use, and open connections of a virtual IP.
- `processes.py` – which processes live, and signals.
- `commands.py` – runs a short command with a deadline.
- `files.py` – replaces a file atomically.
- `checksum.py` – the Internet checksum.
- `backoff.py` – the wait before the next try.
- `clock.py` – the wall clock.
"""
