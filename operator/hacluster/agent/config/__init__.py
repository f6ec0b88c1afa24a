"""Installs the mounted ConfigMap's files and makes the daemons load them.

- `watcher.py` – notices changed files, has them installed, and reports problems.
- `bundle.py` – one node's files: as offered by the ConfigMap, as installed, as last known good.
- `authentication.py` – completes keepalived.conf by the password of a Secret.
- `heard_passwords.py` – has the Secret read again when another node is heard with another password.
- `turn.py` – when this node loads such a change: the holder first, the others once they hear it.
- `servers_first.py` – waits until Apache listens on a new address or port, and until Services are known, before HAProxy is told.
- `files.py` – writes the files that the daemons read, and the good copies.
- `outcome.py` – how a transaction ended, and when to try again.
- `install.py` – the transaction: check, install, reload; after a refusal back to the good files.
- `ports_in_use.py` – which ports of a new configuration another program uses.
- `running.py` – whether the daemons run with what is in their files, as they themselves say.
- `settings.py` – keepalived's settings, from its dump and from its file (pure).
- `deviations.py` – what somebody else has changed, when it is repaired, and what is reported of it (pure).
- `daemons.py` – keepalived's and HAProxy's own checks and reloads, and the reading of their answers.
- `redirects.py` – reports ports that the node's firewall redirects to another program.
"""
