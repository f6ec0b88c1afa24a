"""`hacluster import`: makes one resource of a hand-made pair, a keepalived.conf from each node and a haproxy.cfg.

It only reads files. What cannot be carried over is named line by line, and then nothing is written unless `--allow-loss` is given.
"""

from collections.abc import Sequence
from glob import glob
from pathlib import Path

import click
import yaml

from hacluster.cli.documents import INPUT_FILE
from hacluster.cli.printable import printable
from hacluster.importer import Texts, import_files, losses
from hacluster.importer.keepalived import Facts

_MOST_INCLUDED = 256
"""Files that one `include` may name."""


@click.command("import")
@click.option(
    "--keepalived",
    "keepalived",
    multiple=True,
    metavar="NODE=FILE",
    help="A node's keepalived.conf; NODE is the Kubernetes node.",
)
@click.option(
    "--haproxy", "haproxy", multiple=True, type=INPUT_FILE, help="haproxy.cfg; several are read as one, in their order."
)
@click.option(
    "--nodes", "nodes_file", type=INPUT_FILE, help="A list in the form of status.nodes, for prefix lengths: name, interfaces."
)
@click.option("--name", default="web", show_default=True, help="Name of the resource.")
@click.option("--namespace", default="", help="Namespace of the resource.  [default: none]")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write.  [default: standard output]"
)
@click.option("--allow-loss", is_flag=True, help="Write the resource although something is lost.")
def command(
    *,
    keepalived: Sequence[str],
    haproxy: Sequence[str],
    nodes_file: str | None,
    name: str,
    namespace: str,
    output: Path | None,
    allow_loss: bool,
) -> None:
    """Make one resource of hand-made keepalived and HAProxy files.

    Each directive that cannot be carried over is named on standard error as `haproxy.cfg:41: directive: reason`; then nothing is
    written and the exit code is 1, unless --allow-loss is given. Lines that begin with `note:` are carried over with another
    meaning. What the operator decides by itself is passed over: users, sockets, ciphers, the wording of the log.
    """
    if not keepalived and not haproxy:
        raise click.UsageError("needs --keepalived NODE=FILE, --haproxy FILE, or both")
    texts = Texts(
        haproxy=[(file, _text(file)) for file in haproxy],
        keepalived=[(node, file, _text(file)) for node, file in map(_node_and_file, keepalived)],
        facts=_facts(nodes_file) if nodes_file else {},
        include=_included,
    )
    imported = import_files(texts, name, namespace)
    for finding in imported.findings:
        click.echo(printable(f"{finding}"), err=True)
    if lost := len(losses(imported.findings)):
        advice = "" if allow_loss else "; nothing is written without --allow-loss"
        click.echo(f"{lost} {'thing is' if lost == 1 else 'things are'} lost{advice}", err=True)
    if lost and not allow_loss:
        raise SystemExit(1)
    text = yaml.safe_dump(dict(imported.resource), sort_keys=False, width=120)  # ASCII: other characters are escaped
    if output is None:
        click.echo(text, nl=False)
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise click.ClickException(printable(f"{output}: {error.strerror}")) from None


def _node_and_file(option: str) -> tuple[str, str]:
    node, equals, file = option.partition("=")
    if not equals or not node or not Path(file).is_file():
        raise click.UsageError(
            f"--keepalived {printable(option)}: needs a node and a file that exists, such as node1=keepalived.conf"
        )
    return node, file


def _text(file: str) -> str:
    """The file's text; bytes that are no UTF-8 are replaced, and then refused by whoever reads the value."""
    try:
        with click.open_file(file, "rb") as opened:
            data: bytes = opened.read()
    except OSError as error:
        raise click.ClickException(printable(f"{file}: {error.strerror}")) from None
    return data.decode("utf-8", "replace")


def _included(file: str, pattern: str) -> list[tuple[str, str]] | None:
    """The files that a keepalived.conf includes: relative to the including one, with the wildcards of glob(7)."""
    if "\0" in pattern:
        return None
    try:
        found = sorted(glob(str(Path(file).parent / pattern)))[:_MOST_INCLUDED]  # noqa: PTH207 - pathlib takes no absolute pattern
        return [(each, _text(each)) for each in found if Path(each).is_file()] or None
    except (OSError, ValueError, click.ClickException):
        return None


def _facts(file: str) -> Facts:
    """Node → interface → addresses."""
    from hacluster.cli.render import read_nodes

    return {
        view.name: {each.name: (*each.addresses, *each.other_addresses) for each in view.interfaces or ()}
        for view in read_nodes(file)
    }
