"""What the lines of haproxy.cfg about servers say of TLS.

Source: HAProxy's Configuration Manual 3.0, chapter 5.2 (`ssl`, `verify`, `verifyhost`, `sni`, `check-ssl`, `check-sni`).
"""

from hacluster import names
from hacluster.api.spec import ServerTLS, Target
from hacluster.plan.texts.rendering import Quoted, checked


def server_tls(target: Target) -> ServerTLS | None:
    """TLS with these servers; the cluster's own Apache has none."""
    return target.listener.server_tls if target.backend.apache is None else None


def tls_words(target: Target) -> list[str]:
    """What a `server` line says about TLS. A name that is asked for is verified; `verifyhost` is for checks, which have no `sni`."""
    tls = server_tls(target)
    if tls is None:
        return []
    name = tls.server_name or ""
    # The name's characters are checked; only the parentheses are this module's own.
    return ["ssl", *(["sni", Quoted(f"str({checked(name)})")] if name else []), *verify_words(tls.ca_secret_name, name)]


def verify_words(authorities: str | None, name: str) -> list[str]:
    """How a server's certificate is verified. `authorities`: the Secret; None: it is not verified."""
    if authorities is None:
        return ["verify", "none"]
    return ["verify", "required", "ca-file", names.authority_file(authorities), *(["verifyhost", name] if name else [])]


def authorities(target: Target) -> str:
    """The file by which these servers are verified; empty: they are not."""
    used = [
        each for each in (server_tls(target), target.health_check.tls) if each is not None and each.ca_secret_name is not None
    ]
    return names.authority_file(str(used[0].ca_secret_name)) if used else ""
