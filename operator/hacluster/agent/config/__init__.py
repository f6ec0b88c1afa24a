"""Installs the mounted ConfigMap's files and makes the daemons load them.

- `watcher.py` – notices changed files, has them installed, and reports problems.
- `bundle.py` – one node's files: as offered by the ConfigMap, as installed, as last known good.
- `install.py` – the transaction: check, install, reload; after a refusal back to the good files.
- `daemons.py` – keepalived's and HAProxy's own checks and reloads, and the reading of their answers.
"""
