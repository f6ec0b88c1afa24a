"""Shared by the commands that talk to a cluster: namespace options, the connection, messages for its errors, reading one resource.

`hacluster.kube.client` is imported inside the functions: its library takes half a second to load, which `--help` must not wait
for, and the node image does not have it.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hacluster import names
from hacluster.cli.printable import clean, printable

if TYPE_CHECKING:
    from hacluster.kube.client import Client

# The library warns twice about a missing kubeconfig; `run` reports that itself.
logging.getLogger("kubernetes").setLevel(logging.ERROR)

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


Key = tuple[str, str]
"""Namespace and name of an object."""


def key_of(raw: Mapping[str, Any]) -> Key:
    """Namespace and name of a namespaced object, as the API server sends it."""
    return raw["metadata"]["namespace"], raw["metadata"]["name"]


async def read_resource(client: "Client", namespace: str, name: str) -> dict[str, Any]:
    """The HACluster as the API server sends it, made safe for a terminal (`printable.clean`).

    Raises:
        click.ClickException: there is none of this name.

    """
    from hacluster.kube.kinds import HACLUSTER

    raw = await client.get(HACLUSTER, namespace, name)
    if raw is None:
        raise click.ClickException(f"there is no {names.KIND} {name} in namespace {namespace}")
    return clean(raw)


def namespace_options(command: F) -> F:
    """Adds the options `-n NAMESPACE` and `-A` to a command."""
    everywhere = click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="In all namespaces.")
    one = click.option("-n", "--namespace", default="", help="Namespace.  [default: the kubeconfig's]")
    return one(everywhere(command))


def namespace_of(name: str, namespace: str, *, everywhere: bool) -> str | None:
    """The namespace that the options select; None: all namespaces.

    Raises:
        click.UsageError: the options contradict each other.

    """
    from hacluster.kube.client import current_namespace

    if everywhere and (namespace or name):
        raise click.UsageError("-A goes neither with -n nor with a NAME: a name says which resource only in one namespace")
    return None if everywhere else namespace or current_namespace()


def run(work: "Callable[[Client], Coroutine[Any, Any, T]]") -> T:
    """Connects to the cluster, runs `work` with the client, and closes the connection; the result is that of `work`.

    Raises:
        click.ClickException: no cluster is configured, or the API server refused a request or did not answer.

    """
    from hacluster.kube.client import ApiError, Client, NoCluster, connect

    async def connected() -> T:
        client = Client(await connect(), manager="hacluster")
        try:
            return await work(client)
        finally:
            await client.close()

    try:
        return asyncio.run(connected())
    except NoCluster as error:
        message = "no cluster is configured, neither by a kubeconfig (KUBECONFIG) nor by a pod's service account"
        raise click.ClickException(f"{message}: {error}") from None
    except ApiError as error:
        raise click.ClickException(printable(str(error))) from None
