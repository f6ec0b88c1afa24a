"""This node's entry in `status.nodes`: built from the state, and sent to the API server.

- `entry.py` – builds the entry from the observation and the previous entry.
- `publisher.py` – sends the entry after every change, and renews the node's Lease.
- `kube.py` – the API server: sends both as PATCH requests.
"""
