"""Makes all child objects of a resource from its files.

`plan.py` calls `make_objects` last, after `too_large` has checked that the files fit into their ConfigMaps.
"""

from collections.abc import Iterable, Sequence

from hacluster import names
from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.errors import Problem
from hacluster.nodeconfig import File
from hacluster.plan.model import Manifest, Settings, Texts
from hacluster.plan.objects.access import access_objects
from hacluster.plan.objects.children import child
from hacluster.plan.objects.pods import apache_daemonset, lb_daemonset

_LB_FILES = (File.KEEPALIVED, File.HAPROXY, File.RSYSLOG, File.AGENT)
APACHE_FILES = (File.HTTPD, File.PAGE)
"""The files that the Apache pod reads; the load balancer pod reads all others."""
_LARGEST = 1_000_000
"""Bytes of files in one ConfigMap. The API server allows 1 MiB (1 048 576) of data; the rest is a margin."""


def make_objects(cluster: HACluster, nodes: Sequence[str], texts: Texts, settings: Settings) -> tuple[Manifest, ...]:
    """The child objects; an object comes after those that it needs. `nodes` are all selected nodes, also those without files."""
    made = [
        *access_objects(cluster, nodes),
        *config_maps(cluster, texts),
        lb_daemonset(cluster, settings),
    ]
    if cluster.spec.apache is not None:
        made.append(apache_daemonset(cluster, settings))
    return tuple(made)


def config_maps(cluster: HACluster, texts: Texts) -> tuple[Manifest, ...]:
    """The ConfigMaps that carry the nodes' files."""
    name = cluster.metadata.name
    lb = child(cluster, "v1", "ConfigMap", names.config(name), names.COMPONENT_LB, data=_data(texts, _LB_FILES))
    if cluster.spec.apache is None:
        return (lb,)
    data = _data(texts, APACHE_FILES)
    return (lb, child(cluster, "v1", "ConfigMap", names.apache(name), names.COMPONENT_APACHE, data=data))


def too_large(texts: Texts) -> tuple[Problem, ...]:
    """A problem for each ConfigMap that would become too large for its files."""
    groups = (("spec.haproxy.listeners", _LB_FILES, "listeners or servers"), ("spec.apache.page", APACHE_FILES, "text"))
    return tuple(
        Problem(
            Reason.CONFIGURATION_TOO_LARGE,
            field,
            f"the files of all nodes take {size} bytes, at most {_LARGEST} fit; use fewer {cure}",
        )
        for field, files, cure in groups
        if (size := sum(len(key) + len(text.encode()) for key, text in _data(texts, files).items())) > _LARGEST
    )


def _data(texts: Texts, files: Iterable[File]) -> dict[str, str]:
    """The data of a ConfigMap with these kinds of files of all nodes."""
    wanted = tuple(files)
    return {names.key(node, file): text for node, by_file in texts.items() for file, text in by_file.items() if file in wanted}
