"""YAML files as Kubernetes reads them: several documents in one, a key once, and a date is a string."""

import sys
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import yaml

from hacluster import names
from hacluster.api import HACluster, parse
from hacluster.errors import InvalidResource


class UnreadableFile(Exception):
    """Not YAML; the message is one line that says where and why."""


@dataclass(frozen=True)
class Document:
    """One document of a file, or one item of a `kind: List`."""

    source: str
    """The file's name as it was given, or `standard input`."""
    number: int
    """Its place in the file, from 1."""
    content: Any


def read_documents(path: str) -> list[Document]:
    """Every document of a file (`-`: standard input) that is not empty.

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
    """What `kubectl get -o yaml` wraps in a List, unwrapped."""
    if isinstance(document, dict) and document.get("kind") == "List" and isinstance(document.get("items"), list):
        yield from document["items"]
    else:
        yield document


class _Loader(yaml.SafeLoader):
    """Python's safe loader, where it differs from Kubernetes' made alike."""

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
                raise yaml.constructor.ConstructorError(
                    None, None, f'key "{key}" stands twice in one mapping', key_node.start_mark
                )
            seen.add(key if isinstance(key, Hashable) else None)
        return super().construct_mapping(node, deep=deep)


def read_cluster(file: str, command: str) -> HACluster:
    """The one HACluster in a file, for `command`.

    Raises:
        click.ClickException: it cannot be read, holds none or several, or the resource is not valid.

    """
    try:
        contents = [each.content for each in read_documents(file)]
    except UnreadableFile as error:
        raise click.ClickException(str(error)) from None
    ours = [each for each in contents if isinstance(each, dict) and each.get("kind") == names.KIND]
    if len(ours) != 1:
        raise click.ClickException(f"{file}: holds {len(ours)} resources of kind {names.KIND}; {command} takes one")
    try:
        return parse(ours[0])
    except InvalidResource as error:
        raise click.ClickException("\n".join(map(str, error.problems))) from None
