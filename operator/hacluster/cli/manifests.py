"""Writes Kubernetes objects as YAML that people read, and the static pods of `hacluster render --static-pods`."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from hacluster import names
from hacluster.api import HACluster
from hacluster.plan import Plan, Settings
from hacluster.plan.model import Manifest
from hacluster.plan.objects.static_pods import config_folder, manifest_file, static_pod


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as literal blocks, and no anchors, so that people can read and compare the result."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)


def dump_objects(objects: Iterable[Manifest]) -> str:
    """The objects as YAML documents."""
    return yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def write_static_pods(folder: Path, cluster: HACluster, plan: Plan, settings: Settings, parent: str) -> None:
    """Writes each node's manifest, and beside it the folder that belongs into `parent` on the node.

    The files have the names that they have in the ConfigMap, so the agent reads both in the same way.
    """
    folder.mkdir()
    for node, texts in plan.texts.items():
        config = folder / node / PurePosixPath(config_folder(cluster)).name
        config.mkdir(parents=True)
        for file, text in texts.items():
            (config / names.key(node, file.value)).write_text(text, encoding="utf-8")
        manifest = dump_objects([static_pod(cluster, node, settings, parent)])
        (folder / node / manifest_file(cluster)).write_text(manifest, encoding="utf-8")


def is_static_output(path: Path) -> bool:
    """Whether `path`, in the folder of a node, is something that `write_static_pods` writes: it may be replaced."""
    if path.is_dir():
        return path.name.count(".") == 1 and all(f"{path.parent.name}." in each.name for each in path.iterdir())
    return path.name.startswith("hacluster-") and path.suffix == ".yaml"
