"""The tutorial's own files: what they import to is the sample that says the same, and renders the same haproxy.cfg."""

from pathlib import Path
from typing import Any

import yaml

from hacluster.api import parse
from hacluster.cli.render import read_nodes
from hacluster.importer import Texts, import_files
from hacluster.nodeconfig import File
from hacluster.plan import Settings, make_plan
from tests.unit.importer.helpers import lines

REPOSITORY = Path(__file__).parents[3]
SAMPLE = REPOSITORY / "manifests" / "samples" / "tutorial.yaml"
NODES = REPOSITORY / "tests" / "golden" / "cases" / "tutorial" / "nodes.yaml"
KEEPALIVED = """
vrrp_script chk_haproxy {
    script "killall -0 haproxy"
    interval 2
    weight 2
}
vrrp_instance VI_1 {
    interface ens3
    state STATE
    virtual_router_id 51
    priority PRIORITY
    virtual_ipaddress {
        172.16.7.200/24
    }
    track_script {
        chk_haproxy
    }
}
"""
HAPROXY = r"""global
    log         127.0.0.1 local2
    chroot      /var/lib/haproxy
    pidfile     /var/run/haproxy.pid
    maxconn     4000
    user        haproxy
    group       haproxy
    daemon
    stats socket /var/lib/haproxy/stats

defaults
    mode                    http
    maxconn                 8000
    log                     global
    option                  httplog
    option                  dontlognull
    option http-server-close
    retries                 3
    timeout http-request    20s
    timeout queue           1m
    timeout connect         10s
    timeout client          1m
    timeout server          1m
    timeout http-keep-alive 10s
    timeout check           10s

listen stats
    bind *:8080 interface ens3
    mode http
    stats enable
    stats uri /stats
    stats realm HAProxy\ Statistics
    stats admin if TRUE

listen web-backend
    bind *:80
    balance  roundrobin
    cookie SERVERID insert indirect nocache
    mode  http
    option  httpchk
    option  httpclose
    option  httplog
    option  forwardfor
    server node1 192.168.60.210:8081 check cookie node1 inter 5s fastinter 2s rise 3 fall 3
    server node2 192.168.60.220:8081 check cookie node2 inter 5s fastinter 2s rise 3 fall 3
    server node3 192.168.60.230:8081 check cookie node3 inter 5s fastinter 2s rise 3 fall 3
"""


def _imported() -> Any:
    states = [("node1", "MASTER", 101), ("node2", "BACKUP", 100), ("node3", "BACKUP", 99)]
    files = [
        (node, f"{node}.conf", KEEPALIVED.replace("STATE", state).replace("PRIORITY", f"{priority}"))
        for node, state, priority in states
    ]
    return import_files(Texts(haproxy=[("haproxy.cfg", HAPROXY)], keepalived=files), "web")


def test_nothing_is_lost() -> None:
    assert lines(_imported()) == []
    reason = "now HAProxy has to answer: a process also exists while it hangs or ends"
    assert [str(each) for each in _imported().findings] == [
        f"note: node{number}.conf:3: script killall -0 haproxy: {reason}" for number in (1, 2, 3)
    ]


def test_it_is_the_sample_but_for_what_the_files_do_not_say() -> None:
    """They do not say that the servers are the nodes' own Apache, that rsyslog writes a file, and that the kernel has a setting."""
    expected = yaml.safe_load(SAMPLE.read_text())
    spec = expected["spec"]
    for node in spec["nodes"]:
        del node["interface"]
    servers = [{"name": each["name"], "address": each.pop("backendAddress"), "port": 8081} for each in spec["nodes"]]
    spec["virtualRouters"][0]["interface"] = "ens3"
    spec["vrrp"]["check"]["type"] = "HTTP"
    spec["haproxy"]["log"]["target"] = "Syslog"
    spec["haproxy"]["listeners"][0]["backend"] = {"servers": servers}
    del spec["apache"], spec["system"]
    assert parse(dict(_imported().resource)) == parse(expected)


def test_haproxy_and_keepalived_are_configured_as_by_the_sample() -> None:
    views, settings = read_nodes(str(NODES)), Settings(node_image="x")
    one = make_plan(parse(yaml.safe_load(SAMPLE.read_text())), views, settings).texts
    other = make_plan(parse(dict(_imported().resource)), views, settings).texts
    for node in ("node1", "node2", "node3"):
        assert other[node][File.HAPROXY] == one[node][File.HAPROXY]
        kept = [line for line in other[node][File.KEEPALIVED].splitlines() if line in one[node][File.KEEPALIVED].splitlines()]
        assert "    priority 101" in kept or node != "node1"
        assert "    virtual_router_id 51" in kept
