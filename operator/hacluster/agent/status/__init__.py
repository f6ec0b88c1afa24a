"""This node's entry, which is the status of its HAClusterNode: built from the state, and sent to the API server.

- `entry.py` – builds the entry from the observation and the previous entry.
- `publisher.py` – sends the entry after every change, answers the operator, and repairs what another client has overwritten.
- `standby.py` – waits while another agent of the resource runs on the node (a static pod), and reports for it.
- `kube.py` – the API server: writes the HAClusterNode's status, and watches it.
- `secrets.py` – reads Secrets by their names.
- `watch.py` – the watch.
- `services.py` – the API server's Services and EndpointSlices.
- `secrets.py` – the API server's Secrets, each by its name.
- `connection.py` – connections to the API server.
"""
