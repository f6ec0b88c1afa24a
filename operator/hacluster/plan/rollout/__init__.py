"""Roll-outs: a new configuration reaches the nodes step by step, and is taken back when a node refuses it. Pure.

- `offered.py` – the files that the nodes are offered now, read from their ConfigMaps.
- `last_good.py` – the texts of the last complete roll-out, kept in a ConfigMap.
- `rollout.py` – the next step: which node is offered which files.
- `apache_addresses.py` – whether Apache goes on listening on the addresses of the previous configuration.
- `pods.py` – the next step after a change of a pod template: which pods are replaced.
"""
