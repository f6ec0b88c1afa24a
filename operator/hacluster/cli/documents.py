"""Reads YAML files as Kubernetes does.

PyYAML differs from it in two points, which are corrected here: it accepts a key twice in one mapping, and it turns dates into
`datetime` objects.
"""

import sys
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import yaml

from hacluster import names
from hacluster.api import HACluster, parse
from hacluster.cli.printable import printable
from hacluster.errors import InvalidResource

INPUT_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True)
"""The type of an option that names a file to read; `-` is standard input."""


class UnreadableFile(Exception):
    """A file is no valid YAML; the message is one line with the place and the cause."""


@dataclass(frozen=True)
class Document:
    """One document of a file, or one item of a `kind: List`."""

    source: str
    """The file's name as it was given, or `standard input`."""
    number: int
    """Its position in the file, from 1; items of a List are counted one by one."""
    content: Any


def read_documents(path: str) -> list[Document]:
    """All documents of a file (`-`: standard input) that are not empty.

    Raises:
        UnreadableFile: it is no valid YAML, or a mapping has a key twice.

    """
    source = "standard input" if path == "-" else path
    data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    try:
        contents = [each for document in yaml.load_all(data, Loader=_Loader) for each in _items(document)]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        context = f" ({error.context})" if error.context else ""
        raise UnreadableFile(f"{source}{place}: {error.problem or error.context}{context if error.problem else ''}") from None
    except yaml.reader.ReaderError as error:
        raise UnreadableFile(f"{source}: {error.reason} at position {error.position}") from None
    except RecursionError:
        raise UnreadableFile(f"{source}: nested too deeply") from None
    return [Document(source, number, content) for number, content in enumerate(contents, 1) if content is not None]


def _items(document: Any) -> Iterator[Any]:
    """The items of a `kind: List`, such as `kubectl get -o yaml` prints; else the document itself."""
    if isinstance(document, dict) and document.get("kind") == "List" and isinstance(document.get("items"), list):
        yield from document["items"]
    else:
        yield document


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, but dates stay strings and a key that occurs twice in one mapping is an error."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own class attribute
        first: [each for each in resolvers if each[0] != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise yaml.constructor.ConstructorError(None, None, f'key "{key}" is in one mapping twice', key_node.start_mark)
            seen.add(key if isinstance(key, Hashable) else None)
        return super().construct_mapping(node, deep=deep)


def read_cluster(file: str, command: str) -> HACluster:
    """The only HACluster in a file. `command` is the subcommand's name, for messages.

    Raises:
        click.ClickException: the file cannot be read, has no or several HAClusters, or the resource is not valid.

    """
    try:
        contents = [each.content for each in read_documents(file)]
    except UnreadableFile as error:
        raise click.ClickException(printable(str(error))) from None
    manifests = [each for each in contents if isinstance(each, dict) and each.get("kind") == names.KIND]
    if len(manifests) != 1:
        raise click.ClickException(f"{file}: holds {len(manifests)} resources of kind {names.KIND}; {command} takes one")
    try:
        return parse(manifests[0])
    except InvalidResource as error:
        raise click.ClickException("\n".join(printable(str(each)) for each in error.problems)) from None
