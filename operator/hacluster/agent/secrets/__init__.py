"""The Secrets that the configuration names, which no ConfigMap contains.

In the order in which data passes through the files:

- `source.py` – where Secrets come from: the API server (`status/secrets.py`), or a file without one.
- `store.py` – what was last seen of them.
- `certificates.py` – whether a certificate and its key can be served, and until when the certificate is valid.
- `certificate_files.py` – the files in memory that HAProxy reads; the last good ones stay when a Secret is broken or gone.

`haproxy/certificate_monitor.py` follows the Secrets and reports what is wrong with them; `config/install.py` has HAProxy load the files.
Nothing of a Secret gets into a log, a message or the state (docs/decisions/0044).
"""
