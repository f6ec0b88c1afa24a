"""The child objects of a resource, as plain data: ConfigMaps with the files, DaemonSets that run them, and the agents' access.

The files, in the order in which data passes through them:

- `scripts.py` – the shell scripts of `shell/`, which are embedded in the pod templates.
- `containers.py` – the containers of the load balancer pod.
- `pods.py` – the two DaemonSets.
- `static_pods.py` – the load balancer pod without an API server, for the kubelet's manifests folder.
- `access.py` – ServiceAccount, Role, RoleBinding and Leases of the agents.
- `service_access.py` – Role and RoleBinding of the agents in other namespaces whose Services the resource serves.
- `children.py` – what every child object has: labels, owner, hash.
- `objects.py` – all child objects, in the order in which they are applied.
"""
