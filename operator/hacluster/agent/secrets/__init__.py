"""The Secrets that the configuration names, which no ConfigMap contains.

In the order in which data passes through the files:

- `source.py` – where Secrets come from: the API server (`status/secrets.py`), or a file without one.
- `store.py` – what was last seen of them.
- `certificates.py` – whether a certificate and its key can be served, and until when the certificate is valid.
- `certificate_files.py` – the files in memory that HAProxy reads; the last good ones stay when a Secret is broken or gone.
- `credentials.py` – user name and password of a Secret as the digest that HAProxy compares (pure).
- `credential_files.py` – the digests as files for HAProxy's next process.
- `passwords.py` – the password of VRRP's advertisements (pure).
- `credential_commands.py` – what the running HAProxy is told, so that its digests are those of the files (pure).

`haproxy/secret_monitor.py` follows the Secrets and reports what is wrong with them; `config/install.py` has HAProxy load certificates, and
`haproxy/credential_digests.py` gives it digests; `config/authentication.py` completes keepalived.conf. Nothing of a Secret gets into a log,
a message or the state (docs/decisions/0043, 0044, 0047).
"""
