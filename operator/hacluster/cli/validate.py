"""`hacluster validate`: checks resources in files, without a cluster, by the API server's own rules: schema and rules between fields,
and by those of the models' rules that are too expensive for it.

It also prints warnings about dangerous settings. What depends on the nodes is checked only by `hacluster render` and the operator.
"""

from typing import Any

import click

from hacluster import names
from hacluster.api import HACluster, parse
from hacluster.cli.documents import INPUT_FILE, Document, UnreadableFile, read_documents
from hacluster.cli.printable import printable
from hacluster.errors import InvalidResource, Problem


@click.command("validate")
@click.option(
    "-f", "--filename", "files", multiple=True, required=True, type=INPUT_FILE, help="File to check; - is standard input."
)
def command(files: tuple[str, ...]) -> None:
    """Check resources in files, one `field.path: message` a line.

    Exits with 0 when every HACluster in them is valid, else with 1. Other kinds are passed over.
    """
    documents, haclusters, failed = [], [], False
    for file in files:
        try:
            documents += read_documents(file)
        except UnreadableFile as error:
            click.echo(printable(str(error)))
            failed = True
    for document in documents:
        if _is_hacluster(document.content):
            haclusters.append(document)
        else:
            click.echo(printable(f"{_name(document)}: skipped, not {_expected_kind(document.content)}"), err=True)
    if not haclusters and not failed:
        click.echo(f"no {names.KIND} in {', '.join(files)}")
        failed = True
    for document in haclusters:
        prefix = f"{_name(document)}: " if len(haclusters) > 1 else ""
        failed = not _check(document.content, prefix) or failed
    if failed:
        raise SystemExit(1)


def _check(manifest: dict[str, Any], prefix: str) -> bool:
    """Whether the resource is valid. Prints its problems to standard output and its warnings to standard error."""
    try:
        cluster = parse(manifest)
    except InvalidResource as error:
        for problem in error.problems:
            click.echo(printable(f"{prefix}{problem}"))
        return False
    for warning in _warnings(cluster):
        click.echo(printable(f"{prefix}warning: {warning}"), err=True)
    return True


def _warnings(cluster: HACluster) -> tuple[Problem, ...]:
    """Warnings about settings that are valid but dangerous.

    None where jinja2 is not installed: the plan package imports it, and the checks of `validate` work without it.
    """
    try:
        from hacluster.plan import warnings_of
    except ModuleNotFoundError as error:
        if error.name != "jinja2":
            raise
        return ()
    return warnings_of(cluster)


def _is_hacluster(content: Any) -> bool:
    """Also for another version of the kind, and another kind of the group: `_check` then reports what is wrong with them."""
    if not isinstance(content, dict):
        return False
    group = str(content.get("apiVersion", "")).partition("/")[0]
    return content.get("kind") == names.KIND or group == names.GROUP


def _expected_kind(content: Any) -> str:
    """The end of "not an HACluster but a Pod"; the second half only where the document has a kind."""
    kind = content.get("kind") if isinstance(content, dict) else None
    return f"an {names.KIND} but a {kind}" if isinstance(kind, str) else f"an {names.KIND}"


def _name(document: Document) -> str:
    """The file, and the resource's name or the document's number."""
    metadata = document.content.get("metadata") if isinstance(document.content, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return f"{document.source}: {name if isinstance(name, str) and name else f'document {document.number}'}"
