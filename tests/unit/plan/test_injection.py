"""No string of a resource can add, remove or change a directive of a configuration file (injection).

For each field that is printed, hypothesis tries likely, hostile and random strings. A string is refused, or the files keep their
structure: the same directives with the same number of arguments.
"""

import copy
import re
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from hacluster.api import parse
from hacluster.errors import InvalidResource
from hacluster.nodeconfig import File
from hacluster.plan import NodeView, Plan, make_plan
from tests.unit.plan.clusters import SETTINGS, node
from tests.unit.plan.listeners import COOKIES, HOSTNAMES, HOSTS, MESSAGES, NAMES, PATHS, PATTERNS, PRINTABLE, TARGETS, VALUES
from tests.unit.plan.resources import INTERFACES, NODE_NAMES, REALMS

PLACES: dict[str, tuple[tuple[Any, ...], st.SearchStrategy[str]]] = {
    "router name": (("virtualRouters", 0, "name"), NAMES),
    "interface": (("virtualRouters", 0, "interface"), INTERFACES),
    "listener name": (("haproxy", "listeners", 0, "name"), NAMES),
    "cookie": (("haproxy", "listeners", 0, "cookie", "name"), COOKIES),
    "check path": (("haproxy", "listeners", 0, "healthCheck", "path"), TARGETS),
    "check host": (("haproxy", "listeners", 0, "healthCheck", "host"), HOSTS.filter(bool)),
    "expected status": (("haproxy", "listeners", 0, "healthCheck", "expectStatus"), st.sampled_from(["200", "200-299,401"])),
    "expected body": (("haproxy", "listeners", 0, "healthCheck", "expectBody"), PRINTABLE),
    "request header": (("haproxy", "listeners", 0, "headers", "request", "set", "X-A"), VALUES),
    "response header": (("haproxy", "listeners", 0, "headers", "response", "set", "X-A"), VALUES),
    "removed header": (("haproxy", "listeners", 0, "headers", "request", "remove", 0), NAMES),
    "source": (
        ("haproxy", "listeners", 0, "allowedSources", 0),
        st.ip_addresses(v=4).map(lambda each: f"{each}/32"),
    ),
    "route name": (("haproxy", "listeners", 0, "routes", 0, "name"), NAMES.map(lambda each: each[:1])),
    "route host": (("haproxy", "listeners", 0, "routes", 0, "hosts", 0), PATTERNS),
    "path prefix": (("haproxy", "listeners", 0, "routes", 0, "pathPrefix"), PATHS.filter(lambda each: not each.endswith("/"))),
    "replaced prefix": (("haproxy", "listeners", 0, "routes", 0, "replacePrefix"), PATHS),
    "host name": (("haproxy", "listeners", 0, "routes", 0, "backend", "servers", 0, "hostname"), HOSTNAMES),
    "name server": (("haproxy", "dns", "servers", 0), st.ip_addresses().map(str)),
    "sent message": (("haproxy", "listeners", 1, "healthCheck", "exchange", 0, "send"), MESSAGES),
    "expected message": (("haproxy", "listeners", 1, "healthCheck", "exchange", 0, "expect"), MESSAGES),
    "user": (("haproxy", "listeners", 2, "healthCheck", "user"), st.from_regex("[A-Za-z0-9_.-]{1,63}", fullmatch=True)),
    "PostgreSQL user": (
        ("haproxy", "listeners", 3, "healthCheck", "user"),
        st.from_regex("[A-Za-z0-9_.-]{1,63}", fullmatch=True),
    ),
    "server name": (("haproxy", "listeners", 1, "backend", "servers", 0, "name"), NAMES),
    "server address": (("haproxy", "listeners", 1, "backend", "servers", 0, "address"), st.ip_addresses().map(str)),
    "stats path": (("haproxy", "stats", "path"), PATHS),
    "realm": (("haproxy", "stats", "realm"), REALMS),
    "stats interface": (("haproxy", "stats", "interface"), INTERFACES),
    "log address": (("haproxy", "log", "address"), st.ip_addresses().map(str)),
    "node name": (("nodes", 0, "name"), NODE_NAMES),
    "page": (("apache", "page"), st.text()),
}
HOSTILE = st.text(alphabet="aA0 \t\n\r#\"'\\${}%;!|&<>/=:.-_@[]()~`,\x00\x0b\x7f\u2028á", max_size=12)
CONFIGURATION_FILES = (File.KEEPALIVED, File.HAPROXY, File.RSYSLOG, File.HTTPD)


HEADERS = {"request": {"set": {"X-A": "x", "X-H": "{host}"}, "remove": ["X-B"]}, "response": {"set": {"X-A": "x"}}}


def manifest() -> dict[str, Any]:
    server = {"name": "s1", "address": "10.0.0.1", "port": 80}
    exchange = {"type": "Exchange", "exchange": [{"send": "x", "expect": "x"}]}
    other = {"name": "s1", "hostname": "x", "port": 80}
    route = {"name": "r", "hosts": ["a"], "pathPrefix": "/a", "replacePrefix": "/b", "backend": {"servers": [other]}}
    return {
        "apiVersion": "hacluster.dev/v1alpha1",
        "kind": "HACluster",
        "metadata": {"name": "web"},
        "spec": {
            "nodeSelector": {"role": "edge"},
            "nodes": [{"name": "n1"}],
            "virtualRouters": [{"name": "VI", "virtualIPs": ["192.0.2.10/24"], "interface": "eth0"}],
            "haproxy": {
                "dns": {"servers": ["10.0.0.53"]},
                "log": {"target": "File"},
                "stats": {"interface": "stats0", "realm": "realm", "path": "/stats"},
                "listeners": [
                    {
                        "name": "web",
                        "port": 80,
                        "cookie": {"name": "C"},
                        "healthCheck": {"path": "/x", "host": "h", "expectStatus": "200", "expectBody": "x"},
                        "headers": copy.deepcopy(HEADERS),
                        "allowedSources": ["10.0.0.0/8"],
                        "routes": [route],
                        "backend": {"apache": {}},
                    },
                    {"name": "own", "port": 81, "healthCheck": exchange, "backend": {"servers": [server]}},
                    {
                        "name": "mysql",
                        "port": 82,
                        "healthCheck": {"type": "MySQL", "user": "x"},
                        "backend": {"servers": [server]},
                    },
                    {
                        "name": "postgresql",
                        "port": 83,
                        "healthCheck": {"type": "PostgreSQL", "user": "x"},
                        "backend": {"servers": [server]},
                    },
                ],
            },
            "apache": {"page": "x"},
        },
    }


def make_plan_of(document: dict[str, Any]) -> Plan:
    cluster = parse(document)
    named, stats = cluster.spec.virtual_routers[0].interface or "eth0", cluster.spec.haproxy.stats.interface or "stats0"
    interfaces = {named: ["192.0.2.1/24"], stats: ["198.51.100.1/24"]}
    view: NodeView = node(cluster.spec.nodes[0].name, internal="192.0.2.1", **interfaces)
    return make_plan(cluster, (view,), SETTINGS)


def skeleton(made: Plan) -> list[list[tuple[str, ...]]]:
    """The structure of the files: for each line its first word and its number of words; comments too."""
    (texts,) = made.texts.values()
    return [[_shape(line) for line in texts[file].split("\n")] for file in CONFIGURATION_FILES]


def _shape(line: str) -> tuple[str, ...]:
    # What is in strong quotes is one word. A quote inside is written as '\\'' (HAProxy's Configuration Manual, 2.2).
    words = re.split(r"(?<!\\)[ \t]+", re.sub(r"'[^']*'(\\''[^']*')*", "quoted", line.strip()))
    # In an instance's list of track files the first word ends in the router's name, which may change.
    first = "yield_" if re.fullmatch(r"yield_[A-Za-z0-9_.-]+", words[0]) else words[0]
    return (first, str(len(words)))


@pytest.mark.parametrize("place", PLACES)
def test_no_string_changes_the_structure_of_a_file(place: str) -> None:
    path, likely = PLACES[place]
    expected = skeleton(make_plan_of(manifest()))
    accepted = 0

    @example("x\n    bogus")
    @example('"; bogus')
    @example("$HOME")
    @settings(max_examples=60, deadline=None)
    @given(likely | HOSTILE | st.text(max_size=20))
    def try_string(text: str) -> None:
        nonlocal accepted
        assume(place != "path prefix" or not text.endswith("/"))  # such a prefix is one condition instead of two
        assume(text not in {"eth0", "stats0"})  # on the router's interface the statistics page answers on the virtual IP, too
        document = manifest()
        target: Any = document["spec"]
        for part in path[:-1]:
            target = target[part]
        target[path[-1]] = text
        try:
            made = make_plan_of(document)
        except InvalidResource:
            return
        if not text:  # an empty string means that the field is not set
            return
        if made.blocked:  # such as an address that cannot be used: no file is written
            assert made.problems and not made.texts
            return
        accepted += 1
        assert skeleton(made) == expected

    try_string()
    assert accepted, "if no string was accepted, nothing was tested"


def test_a_page_adds_no_directive() -> None:
    document = manifest()
    document["spec"]["apache"]["page"] = "Listen 1\n</Directory>\n${PATH} {node}"
    made = make_plan_of(document)
    assert made.texts["n1"][File.PAGE] == "Listen 1\n</Directory>\n${PATH} n1\n"
    assert skeleton(made) == skeleton(make_plan_of(manifest()))
