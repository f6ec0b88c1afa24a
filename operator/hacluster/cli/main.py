"""The command `hacluster`, which is also installed as the kubectl plugin `kubectl hacluster`.

A subcommand's module is imported only when it is called: the two images carry different libraries (the node image has neither
kopf nor the Kubernetes client), and some of them take long to load.
"""

from importlib import import_module

import click

from hacluster import __version__

_COMMANDS = {
    "agent": "Run one node's agent (in the node's pod).",
    "crd": "Print the CustomResourceDefinition.",
    "import": "Make one resource of hand-made keepalived and HAProxy files.",
    "operator": "Run the operator.",
    "rehearse": "Run the data plane of a resource on this machine, and measure its failovers.",
    "render": "Write the configuration and objects of a resource to a folder, without a cluster.",
    "status": "Show who holds what, how each node is, and what needs attention.",
    "switchover": "Move virtual IPs to another node, unless it is unfit.",
    "validate": "Check resources in files, one `field.path: message` a line.",
    "watch": "Print each move and each change of state as it happens.",
}
_MODULES = {"import": "import_"}


class _LazyGroup(click.Group):
    """Finds a subcommand as the object `command` in the module `hacluster.cli.<name>` (`import_`, as `import` is a word of Python)."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        try:
            module = import_module(f"hacluster.cli.{_MODULES.get(cmd_name, cmd_name)}")
        except ModuleNotFoundError as error:
            raise click.ClickException(
                f"`hacluster {cmd_name}` needs the Python package {error.name!r}, which is not installed here"
            ) from error
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hacluster")
def main() -> None:
    """Highly available front doors on bare-metal nodes, from one resource."""
