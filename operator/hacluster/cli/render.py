"""`hacluster render`: writes the configuration files and objects that the operator would make of a resource to a folder.

No cluster is asked: the nodes and their interfaces come from a file. `make_plan` is the same function that the operator calls, so
the result is what it would apply; the golden tests compare it byte for byte.
"""

import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from pathlib import Path, PurePosixPath
from typing import Any

import click
from pydantic import BaseModel, ConfigDict, Field, IPvAnyAddress, IPvAnyInterface, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from hacluster import __version__
from hacluster.api import HACluster
from hacluster.api.types import NodeName
from hacluster.cli.documents import INPUT_FILE, UnreadableFile, read_cluster, read_documents
from hacluster.cli.manifests import dump_objects, is_static_output, write_static_pods
from hacluster.cli.printable import printable
from hacluster.nodeconfig import File
from hacluster.plan import Interface, NodeView, Plan, Settings, make_plan
from hacluster.plan.objects.static_pods import FOLDER, manifest_file, refusals
from hacluster.plan.objects.static_pods import config_folder as config_folder_of

_OBJECTS = "objects.yaml"


@click.command("render")
@click.option("-f", "--filename", "file", required=True, type=INPUT_FILE, help="The HACluster; - is standard input.")
@click.option(
    "--nodes", "nodes_file", required=True, type=INPUT_FILE, help="A list in the form of status.nodes: name, interfaces."
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder to write.")
@click.option("--node-image", default=f"hacluster-node:{__version__}", show_default=True, help="Image in the pods.")
@click.option("--static-pods", is_flag=True, help="Write static pods, which need no API server, in place of objects.")
@click.option(
    "--config-folder",
    default=FOLDER,
    show_default=True,
    type=click.Path(path_type=PurePosixPath),
    help="With --static-pods: folder on each node for the configuration.",
)
def command(  # noqa: PLR0917 - click calls it by keywords
    file: str, nodes_file: str, output: Path, node_image: str, static_pods: bool, config_folder: PurePosixPath
) -> None:
    """Write a resource's configuration files and objects to a folder, without a cluster.

    In the folder, NODE/ gets each node's files, objects.yaml all objects. The file of --nodes has one entry a node, such as
    `- {name: node1, interfaces: [{name: ens3, addresses: [172.16.7.153/24]}]}`; internalIP and realTime are
    optional. A node that cannot be
    configured is named and left out; if the resource as a whole cannot be planned, nothing is written. An earlier rendering in
    the folder is replaced.

    With --static-pods, NODE/ gets what the node's kubelet runs without an API server: a manifest for its manifests folder, and a folder
    with the configuration. What needs an API server is refused.
    """
    cluster, settings = read_cluster(file, "render"), Settings(node_image=node_image)
    if static_pods:
        _check_static(cluster, config_folder)
    plan = make_plan(cluster, read_nodes(nodes_file), settings)
    for warning in plan.warnings:
        click.echo(printable(f"warning: {warning}"), err=True)
    for problem in plan.problems:
        click.echo(printable(f"{problem}"), err=True)
    for node in plan.waiting_for:
        click.echo(
            printable(f"{nodes_file}: {node} has no interfaces, and the resource does not say all that is needed"), err=True
        )
    if plan.blocked:
        raise SystemExit(1)
    if not static_pods:
        _replace(output, partial(_write, plan=plan))
        return
    _replace(output, partial(write_static_pods, cluster=cluster, plan=plan, settings=settings, parent=str(config_folder)))
    folder, manifest = config_folder_of(cluster, str(config_folder)), manifest_file(cluster)
    click.echo(
        f"On each node: put {output}/NODE/{PurePosixPath(folder).name} to {folder}, then {manifest} into the kubelet's manifests folder "
        f"(staticPodPath, with kubeadm /etc/kubernetes/manifests). The node needs the image {cluster.spec.images.node or node_image}"
    )


def _check_static(cluster: HACluster, config_folder: PurePosixPath) -> None:
    if refused := refusals(cluster):
        raise click.ClickException("\n".join(printable(str(each)) for each in refused))
    if not config_folder.is_absolute() or ".." in config_folder.parts:
        raise click.BadParameter("must be an absolute path without ..", param_hint="--config-folder")


class _InterfaceFacts(BaseModel):
    """The fields of `status.nodes[].interfaces[]` that render needs; others are ignored."""

    model_config = ConfigDict(extra="ignore")

    name: str
    addresses: tuple[IPvAnyInterface, ...] = ()
    other_addresses: tuple[IPvAnyInterface, ...] = Field(default=(), alias="otherAddresses")


class _NodeFacts(BaseModel):
    """The fields of `status.nodes[]` that render needs, and `internalIP`; others are ignored."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel, validate_by_alias=True)

    name: NodeName
    internal_ip: IPvAnyAddress | None = Field(default=None, alias="internalIP")
    interfaces: tuple[_InterfaceFacts, ...] | None = None
    real_time: bool = True


_NODES = TypeAdapter(tuple[_NodeFacts, ...])


def read_nodes(file: str) -> tuple[NodeView, ...]:
    documents = _documents(file)
    try:
        facts = _NODES.validate_python(documents[0].content if documents else None)
    except ValidationError as error:
        lines = [f"{file}: {_path(each['loc'])}: {each['msg']}" for each in error.errors(include_url=False)]
        raise click.ClickException("\n".join(map(printable, lines))) from None
    duplicates = sorted({each.name for each in facts if [other.name for other in facts].count(each.name) > 1})
    if duplicates:
        raise click.ClickException(printable(f"{file}: {', '.join(duplicates)} is listed more than once"))
    return tuple(_view(each) for each in facts)


def _view(facts: _NodeFacts) -> NodeView:
    if facts.interfaces is None:
        return NodeView(facts.name, _address(facts.internal_ip), real_time=facts.real_time)
    interfaces = tuple(
        Interface(each.name, tuple(map(_interface, each.addresses)), tuple(map(_interface, each.other_addresses)))
        for each in facts.interfaces
    )
    return NodeView(facts.name, _address(facts.internal_ip), interfaces, real_time=facts.real_time)


def _address(value: Any) -> IPv4Address | IPv6Address | None:
    assert value is None or isinstance(value, IPv4Address | IPv6Address)
    return value


def _interface(value: Any) -> IPv4Interface | IPv6Interface:
    assert isinstance(value, IPv4Interface | IPv6Interface)
    return value


def _path(loc: tuple[int | str, ...]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return path.lstrip(".") or "the file"


def _documents(file: str) -> list[Any]:
    try:
        return list(read_documents(file))
    except UnreadableFile as error:
        raise click.ClickException(printable(str(error))) from None


def _replace(output: Path, write: Callable[[Path], None]) -> None:
    """Has `write` write to a new folder and renames it to `output`, so that `output` is never incomplete.

    Raises:
        click.ClickException: `output` has files that are not render's, which would be lost.

    """
    if foreign := _foreign_file(output):
        raise click.ClickException(f"{output}: holds {foreign}, which no rendering wrote; name a new or empty folder")
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    try:
        write(temporary / "new")
        if output.exists():
            output.rename(temporary / "old")
        (temporary / "new").rename(output)
    finally:
        shutil.rmtree(temporary)


def _write(folder: Path, plan: Plan) -> None:
    for node, texts in plan.texts.items():
        (folder / node).mkdir(parents=True)
        for file, text in texts.items():
            (folder / node / file.value).write_text(text, encoding="utf-8")
    folder.mkdir(exist_ok=True)
    (folder / _OBJECTS).write_text(dump_objects(plan.objects), encoding="utf-8")


def _foreign_file(output: Path) -> str:
    """A file in `output` that no earlier rendering can have written, as a relative path; empty: there is none."""
    if not output.exists():
        return ""
    for entry in sorted(output.iterdir()):
        if entry.is_dir():
            foreign = [each for each in sorted(entry.iterdir()) if each.name not in set(File) and not is_static_output(each)]
            if foreign:
                return str(foreign[0].relative_to(output))
        elif entry.name != _OBJECTS:
            return entry.name
    return ""
