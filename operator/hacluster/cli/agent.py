"""`hacluster agent`: runs one node's agent.

The pod's environment gives the settings. The agent's modules are imported inside the function, so that `--help` and a wrong option
are answered without loading them.
"""

import asyncio
import logging
from pathlib import Path

import click

from hacluster import names

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("agent")
@click.option("--cluster", envvar="HACLUSTER_NAME", show_envvar=True, required=True, help="Name of the HACluster.")
@click.option("--namespace", envvar="HACLUSTER_NAMESPACE", show_envvar=True, required=True, help="Its namespace.")
@click.option("--node", envvar="HACLUSTER_NODE", show_envvar=True, required=True, help="Name of this node.")
@click.option("--pod", envvar="HACLUSTER_POD", show_envvar=True, default="", help="Name of this pod.")
@click.option("--static-pod", is_flag=True, help="The pod is static: there is no API server to report to or to read from.")
@click.option("--config-dir", type=_FOLDER, default=names.CONFIG_DIR, show_default=True, help="Files of the mounted ConfigMap.")
@click.option("--run-dir", type=_FOLDER, default=names.RUN_DIR, show_default=True, help="Installed files and sockets.")
@click.option(
    "--hold-down/--no-hold-down",
    default=True,
    help="Keep a node without virtual IPs while its HAProxy ends again and again; `hacluster rehearse` switches this off.",
)
@click.option("--report-file", type=_FILE, help="Append status entries to this file instead of sending them to an API server.")
@click.option(
    "--services-file",
    type=_FILE,
    help="With --report-file: Services and EndpointSlices, as kubectl get -o json prints them; followed in place of an API server's.",
)
@click.option(
    "--secrets-file",
    type=_FILE,
    help="With --report-file: Secrets, as kubectl get -o json prints them; followed in place of an API server's.",
)
@click.option("--api-host", envvar="KUBERNETES_SERVICE_HOST", show_envvar=True, help="API server.")
@click.option("--api-port", envvar="KUBERNETES_SERVICE_PORT", show_envvar=True, type=int, default=443, help="Its port.")
def command(  # noqa: PLR0917 - click calls it by keywords
    cluster: str,
    namespace: str,
    node: str,
    pod: str,
    static_pod: bool,
    config_dir: Path,
    run_dir: Path,
    hold_down: bool,
    report_file: Path | None,
    services_file: Path | None,
    secrets_file: Path | None,
    api_host: str | None,
    api_port: int,
) -> None:
    """Run one node's agent (in the node's pod)."""
    from hacluster.agent.paths import Paths
    from hacluster.agent.run import Settings, run_until_signalled
    from hacluster.agent.secrets.source import FileSecrets, SecretSource
    from hacluster.agent.services.source import FileSource, ServiceSource
    from hacluster.agent.status.kube import KubernetesReporter, Server
    from hacluster.agent.status.publisher import FileReporter, Reporter
    from hacluster.agent.status.secrets import KubernetesSecrets
    from hacluster.agent.status.services import KubernetesServices
    from hacluster.agent.status.standby import LocalReporter
    from hacluster.agent.system.only_one import OnlyOne

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    only_one = OnlyOne(names.only_one(namespace, cluster))
    reporter: Reporter
    services: ServiceSource
    secrets: SecretSource
    if report_file is not None:
        reporter, services = FileReporter(report_file), FileSource(services_file or run_dir / "service-objects.json")
        secrets = FileSecrets(secrets_file or run_dir / "secret-objects.json")
    elif static_pod:
        reporter, services = LocalReporter(only_one), FileSource(run_dir / "service-objects.json")
        secrets = FileSecrets(run_dir / "secret-objects.json")
    elif api_host:
        server = Server(api_host, api_port)
        reporter, services = KubernetesReporter(server, cluster, namespace, node), KubernetesServices(server, namespace)
        secrets = KubernetesSecrets(server, namespace)
    else:
        raise click.UsageError("no place to report to: set KUBERNETES_SERVICE_HOST, or use --report-file or --static-pod")
    settings = Settings(node, Paths(run=run_dir, config=config_dir), hold_down=hold_down, pod=pod, static_pod=static_pod)
    asyncio.run(run_until_signalled(settings, reporter, services, secrets, only_one))
