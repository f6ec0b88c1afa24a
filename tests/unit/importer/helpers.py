"""Imports short texts for tests, and takes single parts of the result."""

from collections.abc import Mapping
from textwrap import dedent
from typing import Any

from hacluster.importer import Imported, Texts, import_files

ROUTER = """
vrrp_script chk_haproxy {
    script "killall -0 haproxy"
    interval 2
    weight 2
}
vrrp_instance VI_1 {
    interface eth0
    state BACKUP
    virtual_router_id 51
    priority 100
    virtual_ipaddress {
        10.0.0.100/24
    }
    track_script {
        chk_haproxy
    }
}
"""
LISTEN = """
global
    maxconn 4000
listen web
    bind :80
    mode http
    timeout client 1m
    timeout connect 1s
    timeout server 1m
    server a 10.0.0.1:80 check
"""

BACKENDS = """
backend api
    mode http
    timeout connect 5s
    timeout server 50s
    server a 10.0.0.1:80 check
backend web
    mode http
    timeout connect 5s
    timeout server 50s
    server b 10.0.0.2:80 check
"""


def of_haproxy(text: str, router: str = ROUTER) -> Imported:
    """A haproxy.cfg beside a usual keepalived.conf."""
    return import_files(Texts(haproxy=[("haproxy.cfg", dedent(text))], keepalived=[("node1", "node1.conf", router)]), "web")


def of_keepalived(*nodes: str, facts: Any = None, haproxy: str = LISTEN, included: Mapping[str, str] | None = None) -> Imported:
    """keepalived.conf of node1, node2, … beside a usual haproxy.cfg. `included`: file → text of what may be included."""
    files = included or {}
    texts = Texts(
        haproxy=[("haproxy.cfg", haproxy)],
        keepalived=[(f"node{number}", f"node{number}.conf", dedent(text)) for number, text in enumerate(nodes, 1)],
        facts=facts or {},
        include=lambda _file, pattern: [(pattern, files[pattern])] if pattern in files else None,
    )
    return import_files(texts, "web")


def spec(imported: Imported) -> Any:
    """The resource's spec."""
    return imported.resource["spec"]


def listeners(imported: Imported) -> Any:
    """The resource's listeners."""
    return spec(imported)["haproxy"]["listeners"]


def lines(imported: Imported, *, notes: bool = True) -> list[str]:
    """The findings as they are printed, without those that every short text has."""
    usual = ("has no timeout ", "no maxconn in global", "a process also exists while it hangs")
    found = [f"{each}" for each in imported.findings]
    return [each for each in found if not any(text in each for text in usual) and (notes or not each.startswith("note: "))]


def lost(imported: Imported) -> list[str]:
    """The losses as they are printed."""
    return lines(imported, notes=False)


def front(rules: str, *, more: str = BACKENDS, mode: str = "http", bind: str = "bind :80") -> str:
    """A frontend with these rules; other requests go to the backend web."""
    body = "".join(f"    {each.strip()}\n" for each in rules.splitlines())
    return f"frontend f\n    {bind}\n    mode {mode}\n    timeout client 1m\n{body}    default_backend web\n{more}"


def node(priority: int, **changes: str) -> str:
    """A node's file: `state="MASTER"` changes that line, another name adds one to the instance."""
    text = ROUTER.replace("priority 100", f"priority {priority}")
    for name, value in changes.items():
        known = [line for line in text.splitlines() if line.strip().startswith(f"{name} ")]
        line = f"    {name} {value}"
        text = text.replace(known[0], line) if known else text.replace("    virtual_ipaddress", f"{line}\n    virtual_ipaddress")
    return text
