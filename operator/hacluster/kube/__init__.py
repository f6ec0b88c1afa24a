"""Access to the Kubernetes API, for the operator and for the command line.

- `kinds.py` – the kinds of objects, and the URL paths of the API server for them.
- `client.py` – requests: list, watch, server-side apply, patch, delete.
- `connections.py` – the HTTP connections of the Kubernetes library and of kopf.
- `sockets.py` – sockets that notice dead connections.
- `status.py` – the status of a HACluster, read whatever version wrote it.
"""
