"""What the resource's Secrets contain, and how HAProxy gets it. Contents are in memory and in the run directory's tmpfs only.

In the order in which data passes through the files:

- `source.py` – where Secrets come from: the API server (`status/secrets.py`), or a file without one.
- `credentials.py` – user name and password of a Secret as the digest that HAProxy compares (pure).
- `files.py` – the digests as files for HAProxy's next process.
- `commands.py` – what the running HAProxy is told, so that its digests are those of the files (pure).
- `monitor.py` – follows the Secrets that the configuration names, and keeps files and HAProxy equal to them.

Why by name, and why digests: docs/decisions/0043.
"""
