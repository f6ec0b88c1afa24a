"""Every child object of a resource."""

from collections.abc import Iterable, Mapping, Sequence

from hacluster import names
from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.errors import Problem
from hacluster.nodeconfig import File
from hacluster.plan.model import Manifest, Settings
from hacluster.plan.objects.access import access_objects
from hacluster.plan.objects.children import child
from hacluster.plan.objects.pods import apache_daemonset, lb_daemonset

Texts = Mapping[str, Mapping[File, str]]

_LB_FILES = (File.KEEPALIVED, File.HAPROXY, File.RSYSLOG, File.AGENT)
APACHE_FILES = (File.HTTPD, File.PAGE)
_LARGEST = 1_000_000
"""Bytes that the API server surely takes in one ConfigMap (it refuses more than 1 MiB)."""


def make_objects(cluster: HACluster, nodes: Sequence[str], texts: Texts, settings: Settings) -> tuple[Manifest, ...]:
    """The children, those first that others need. `nodes` are all selected ones."""
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
    """Whether the files outgrow the ConfigMap that has to carry them."""
    places = (("spec.haproxy.listeners", _LB_FILES, "listeners or servers"), ("spec.apache.page", APACHE_FILES, "text"))
    return tuple(
        Problem(
            Reason.CONFIGURATION_TOO_LARGE,
            field,
            f"the files of all nodes take {size} bytes, at most {_LARGEST} fit; use fewer {cure}",
        )
        for field, files, cure in places
        if (size := sum(len(key) + len(text.encode()) for key, text in _data(texts, files).items())) > _LARGEST
    )


def _data(texts: Texts, files: Iterable[File]) -> dict[str, str]:
    wanted = tuple(files)
    return {names.key(node, file): text for node, by_file in texts.items() for file, text in by_file.items() if file in wanted}
