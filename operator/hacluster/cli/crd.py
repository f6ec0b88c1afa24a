"""`hacluster crd`: prints the CustomResourceDefinitions, for `kubectl apply -f -`."""

import click

from hacluster.api.crd import crd_yaml


@click.command("crd")
def command() -> None:
    """Print the CustomResourceDefinitions."""
    click.echo(crd_yaml(), nl=False)
