"""Makes all child objects of a resource from its files.

`plan.py` calls `make_objects` last, after `too_large` has checked that the files fit into their ConfigMaps.
"""

import base64
from collections.abc import Iterable

from hacluster import names
from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.errors import Problem
from hacluster.nodeconfig import File
from hacluster.packing import LARGEST, pack, plain
from hacluster.plan.model import Agents, Manifest, Settings, Texts
from hacluster.plan.objects.access import access_objects
from hacluster.plan.objects.children import child
from hacluster.plan.objects.pods import apache_daemonset, lb_daemonset

_LB_FILES = (File.KEEPALIVED, File.HAPROXY, File.RSYSLOG, File.AGENT)
APACHE_FILES = (File.HTTPD, File.PAGE)
"""The files that the Apache pod reads; the load balancer pod reads all others."""


def make_objects(cluster: HACluster, agents: Agents, texts: Texts, settings: Settings) -> tuple[Manifest, ...]:
    """The child objects; an object comes after those that it needs."""
    made = [
        *access_objects(cluster, agents.nodes, earlier_agents=agents.earlier),
        *config_maps(cluster, texts),
        lb_daemonset(cluster, settings),
    ]
    if cluster.spec.apache is not None:
        made.append(apache_daemonset(cluster, settings))
    return tuple(made)


def config_maps(cluster: HACluster, texts: Texts, *, keep_addresses: bool = False) -> tuple[Manifest, ...]:
    """The ConfigMaps that carry the nodes' files. Apache reads plain files only: a shell script installs them.

    `keep_addresses`: Apache goes on listening where it listens now, besides (plan/rollout/apache_addresses.py).
    """
    name = cluster.metadata.name
    packed = pack(_of(texts, _LB_FILES))
    content: dict[str, object] = {"data": dict(packed.data)}
    if packed.binary:
        content["binaryData"] = {key: base64.b64encode(value).decode() for key, value in packed.binary.items()}
    lb = child(cluster, "v1", "ConfigMap", names.config(name), names.COMPONENT_LB, **content)
    if cluster.spec.apache is None:
        return (lb,)
    data = dict(plain(_of(texts, APACHE_FILES)).data)
    if keep_addresses:
        data[names.KEEP_ADDRESSES] = "until the roll-out is complete"
    return (lb, child(cluster, "v1", "ConfigMap", names.apache(name), names.COMPONENT_APACHE, data=data))


def too_large(texts: Texts) -> tuple[Problem, ...]:
    """A problem for each ConfigMap that would become too large for its files."""
    groups = (
        ("spec.haproxy.listeners", pack(_of(texts, _LB_FILES)), "listeners or servers"),
        ("spec.apache.page", plain(_of(texts, APACHE_FILES)), "text"),
    )
    return tuple(
        Problem(
            Reason.CONFIGURATION_TOO_LARGE,
            field,
            f"the files of all nodes take {content.size} bytes, at most {LARGEST} fit; use fewer {cure}",
        )
        for field, content, cure in groups
        if content.size > LARGEST
    )


def _of(texts: Texts, files: Iterable[File]) -> dict[str, dict[File, str]]:
    """Only these kinds of files of all nodes."""
    wanted = tuple(files)
    return {node: {file: text for file, text in by_file.items() if file in wanted} for node, by_file in texts.items()}
