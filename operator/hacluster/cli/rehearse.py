"""`hacluster rehearse`: runs a resource's data plane on this machine, without Kubernetes, and measures its failovers.

The lab and the measuring are in `hacluster/rehearse`; this file reads the options and prints the result. It imports them inside the
functions, so that `--help` and a wrong option are answered without loading them.
"""

import json
import platform
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hacluster.cli.documents import INPUT_FILE, read_cluster
from hacluster.cli.table import columns
from hacluster.errors import HAClusterError

if TYPE_CHECKING:
    from hacluster.rehearse.events import Event, Trial
    from hacluster.rehearse.lab import Lab
    from hacluster.rehearse.summary import Trace


@click.command("rehearse")
@click.option("-f", "--filename", "file", required=True, type=INPUT_FILE, help="The HACluster; - is standard input.")
@click.option("--drill", is_flag=True, help="Break it on purpose and measure what clients see; else it runs until Ctrl-C.")
@click.option("--size", type=click.IntRange(2, 16), default=3, show_default=True, help="How many nodes, at least.")
@click.option("--trials", type=click.IntRange(1, 1000), default=3, show_default=True, help="How often each event is played.")
@click.option("--event", "events", multiple=True, metavar="NAME", help="Only this event; repeatable. Default: all.")
@click.option("--connections", type=click.IntRange(0, 5000), default=100, show_default=True, help="Long-lived connections.")
@click.option("--by-hand", is_flag=True, help="No agents: the daemons alone, as on hosts that were set up by hand.")
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="Form of the result.")
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw the requests around each worst case (SVG or PNG)."
)
def command(  # noqa: PLR0917 - click calls it by keywords
    file: str,
    drill: bool,
    size: int,
    trials: int,
    events: tuple[str, ...],
    connections: int,
    by_hand: bool,
    output: str,
    plot: Path | None,
) -> None:
    """Run the data plane of a resource on this machine, with the real daemons and agents in network namespaces.

    Nothing of it touches the machine's own network, and nothing is left afterwards. It needs root, and Debian 13's packages or
    the node image: `podman run --rm -i --privileged --network none IMAGE rehearse -f - <web.yaml`.
    """
    from hacluster.api.spec import CheckType
    from hacluster.rehearse.authority import NoCertificate, speaks_tls
    from hacluster.rehearse.events import BY_HAND, Event
    from hacluster.rehearse.hosts import HostFailed
    from hacluster.rehearse.lab import NotReady, running_lab
    from hacluster.rehearse.requirements import check_machine, extend_path
    from hacluster.rehearse.secrets import USER, password
    from hacluster.rehearse.summary import document, summarize

    cluster = read_cluster(file, "rehearse")
    if not cluster.spec.haproxy.listeners:
        raise click.ClickException(
            "spec.haproxy.listeners: there is none, so the clients have nothing to ask for; add one to rehearse"
        )
    wanted = [_parse_event(each) for each in events] or [each for each in Event if each is not Event.FAILBACK]
    if by_hand:
        if cluster.spec.vrrp.check.type is CheckType.HTTP:
            raise click.ClickException(
                "spec.vrrp.check.type: with HTTP keepalived follows the agent, which --by-hand leaves out; set Process, or omit the option"
            )
        wanted = [each for each in wanted if each in BY_HAND]
    if (secret := cluster.spec.haproxy.stats.credentials_secret) is not None:
        _print_progress(
            f"the statistics page lets {USER} in, with the password {password(secret.name)}, which is this rehearsal's"
        )
    try:
        extend_path()
        check_machine(certificates=speaks_tls(cluster))
        # The first process of a container ignores SIGTERM unless it handles it (pid_namespaces(7)). It ends the rehearsal as Ctrl-C does.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with running_lab(cluster, size=size, agent=not by_hand) as lab:
            _print_progress(f"{len(lab.nodes)} nodes, {lab.address}: waiting for a holder")
            lab.wait_until(lambda: bool(lab.holder), 60, "any node holds the virtual IP")
            if drill:
                trials_done, worst = _drill(lab, wanted, trials, connections)
                _print_result(document(trials_done, worst, _describe(lab)), summarize(trials_done), output, plot)
            else:
                _run_until_interrupted(lab)
    except (HAClusterError, HostFailed, NoCertificate, NotReady) as error:
        raise click.ClickException(str(error)) from None


def _run_until_interrupted(lab: "Lab") -> None:
    """Runs until Ctrl-C and prints a line whenever the holder changes."""
    _print_progress("running; Ctrl-C ends it. To look around:")
    for host in (lab.client, *(node.host for node in lab.nodes.values())):
        click.echo(f"  {host.name:12} {' '.join(host.enter('bash'))}", err=True)
    before = ""
    try:
        while True:
            if (holder := lab.holder) != before:
                click.echo(f"{time.strftime('%H:%M:%S')} {lab.address}: {holder or 'nobody'}")
                before = holder
            time.sleep(0.05)
    except KeyboardInterrupt:
        _print_progress("ending")


def _drill(lab: "Lab", events: "list[Event]", trials: int, connections: int) -> "tuple[list[Trial], dict[Event, Trace]]":
    """All trials, and for each event the requests around its worst one."""
    from hacluster.rehearse.drill import play
    from hacluster.rehearse.faults import FaultInjector

    injector = FaultInjector(lab, long=connections)
    if not lab.agent:
        for node in lab.nodes.values():
            node.restarts = False
    return play(lab, injector, dict.fromkeys(events, trials), _print_progress)


def _print_result(document: dict[str, Any], rows: Any, output: str, plot: Path | None) -> None:
    if plot is not None:
        from hacluster.rehearse.plot import draw

        draw(document, plot)
    if output == "json":
        click.echo(json.dumps(document, ensure_ascii=False))
    else:
        _print_table(rows)


def _print_table(rows: Any) -> None:
    from hacluster.rehearse.summary import HEADINGS, cells

    for line in columns([HEADINGS, *map(cells, rows)]):
        click.echo(line)


def _describe(lab: "Lab") -> dict[str, Any]:
    """What the document says about the resource and this machine."""
    from hacluster.rehearse.requirements import keepalived_version

    vrrp = lab.cluster.spec.vrrp
    return {
        "cluster": lab.cluster.metadata.name,
        "nodes": len(lab.nodes),
        "agent": lab.agent,
        "advertisementIntervalMilliseconds": round(vrrp.advertisement_interval.total_seconds() * 1000),
        "kernel": platform.release(),
        "keepalived": ".".join(map(str, keepalived_version())),
        "python": platform.python_version(),
    }


def _parse_event(name: str) -> "Event":
    from hacluster.rehearse.events import Event

    known = [each for each in Event if each is not Event.FAILBACK]
    if name == Event.FAILBACK:
        cure = f"after another event that moves the virtual IP and leaves the node connected, such as {Event.SWITCHOVER}"
        raise click.BadParameter(f"{name} is not played by itself; it is measured {cure}", param_hint="--event")
    if name not in known:
        raise click.BadParameter(f"{name!r} is no event; there are {', '.join(known)}", param_hint="--event")
    return Event(name)


def _print_progress(text: str) -> None:
    """To standard error: standard output has the result alone."""
    click.echo(f"rehearse: {text}", err=True)
    sys.stderr.flush()
