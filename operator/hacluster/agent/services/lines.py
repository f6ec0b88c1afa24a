"""The endpoints as `server` lines of haproxy.cfg. Pure.

The operator's haproxy.cfg has a comment in each proxy whose servers are endpoints (`names.endpoints_marker`). The file that HAProxy
reads has their lines below it, so that a HAProxy that starts or reloads has the servers at once. Everywhere else the file is
compared without these lines: they change while HAProxy runs.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Final

from hacluster import names
from hacluster.agent.services.endpoints import Endpoint, Endpoints
from hacluster.nodeconfig import Service

_ENDPOINT_LINE: Final = re.compile(r"^\s*server \S*:\d+ ")


def server_words(endpoint: Endpoint, service: Service) -> str:
    """What a `server` line and the command `add server` say after the server's name.

    The cookie's value is the same on all nodes, and tells clients no address.
    """
    address = f"[{endpoint.address}]" if ":" in endpoint.address else endpoint.address
    cookie = ["cookie", hashlib.sha256(endpoint.name.encode()).hexdigest()[:12]] if service.cookies else []
    backup = ["backup"] if endpoint.backup else []
    return " ".join(filter(None, (f"{address}:{endpoint.port}", *cookie, service.words, *backup)))


def with_servers(text: str, services: Mapping[str, Service], endpoints: Mapping[str, Endpoints]) -> str:
    """haproxy.cfg with a line for each endpoint in use, below the comment of its proxy, and no other endpoint."""
    markers = {f"    {names.endpoints_marker(proxy)}": proxy for proxy in services}
    lines = []
    for line in without_servers(text).split("\n"):
        lines.append(line)
        if proxy := markers.get(line):
            used = endpoints[proxy].used if proxy in endpoints else ()
            lines += [f"    server {each.name} {server_words(each, services[proxy])}" for each in used]
    return "\n".join(lines)


def without_servers(text: str) -> str:
    """haproxy.cfg without its endpoints: as the operator wrote it."""
    return "\n".join(without_server_lines(text.split("\n")))


def without_server_lines(lines: Iterable[str]) -> tuple[str, ...]:
    """Lines of haproxy.cfg, with or without their margins, without those of endpoints."""
    return tuple(each for each in lines if not _ENDPOINT_LINE.match(f"{each} "))
