"""The operator, the node agent and the command line of `HACluster`: a highly available entry point on bare-metal nodes.

The packages, in the order in which a resource and its reports pass through them:

- `cli/` – the command `hacluster`; it also starts the operator and the agent.
- `api/` – the models of the resource and its status, and the CRD that is made from them.
- `control/` – the operator: watches resources, plans, applies, reports.
- `kube/` – the Kubernetes API client of the operator and the command line.
- `plan/` – pure: from a resource and its observed nodes to each node's files, child objects and the status.
- `importer/` – pure: from hand-made keepalived and HAProxy files to a resource.
- `agent/` – the node agent: installs the files, reloads the daemons, reports what the node does.
- `rehearse/` – the same data plane in network namespaces of one machine, with faults on purpose.

And the modules that several of them share:

- `names.py` – API group, labels, object names and paths.
- `nodeconfig.py` – `agent.json`, the contract between operator and agent.
- `packing.py` – how one ConfigMap carries the files of all nodes.
- `errors.py` – problems as users read them.
- `timing.py` – after which time a node, a holder or HAProxy counts as failed.
- `timestamps.py` – RFC 3339 timestamps.
"""

__version__ = "0.1.0"
