"""`hacluster operator`: sets up logging and runs the operator until SIGTERM. The Deployment's container starts it."""

import asyncio
import json
import logging
from datetime import UTC, datetime

import click


@click.command("operator")
@click.option("--node-image", envvar="HACLUSTER_NODE_IMAGE", required=True, help="Image of the node pods.")
@click.option(
    "--image-pull-policy",
    envvar="HACLUSTER_IMAGE_PULL_POLICY",
    type=click.Choice(["Always", "IfNotPresent", "Never"]),
    default="IfNotPresent",
    show_default=True,
    help="When the images of the node pods are pulled.",
)
@click.option(
    "--priority-class",
    envvar="HACLUSTER_PRIORITY_CLASS",
    default="system-node-critical",
    show_default=True,
    help="Priority class of the node pods.",
)
@click.option("--namespace", envvar="HACLUSTER_WATCH_NAMESPACE", default="", help="Look at this namespace only.  [default: all]")
@click.option(
    "--liveness-port",
    envvar="HACLUSTER_LIVENESS_PORT",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Port of /healthz; 0: none.",
)
@click.option(
    "--lease-namespace",
    envvar="HACLUSTER_LEASE_NAMESPACE",
    default="",
    help="Namespace of the operators' Lease.  [default: the pod's]",
)
@click.option("--identity", envvar="HACLUSTER_IDENTITY", default="", help="Name in that Lease.  [default: the pod's]")
@click.option(
    "--log-level",
    envvar="HACLUSTER_LOG_LEVEL",
    type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
    default="info",
    show_default=True,
)
@click.option(
    "--log-format",
    envvar="HACLUSTER_LOG_FORMAT",
    type=click.Choice(["text", "json"], case_sensitive=False),
    default="text",
    show_default=True,
)
def command(
    *,
    node_image: str,
    image_pull_policy: str,
    priority_class: str,
    namespace: str,
    liveness_port: int,
    lease_namespace: str,
    identity: str,
    log_level: str,
    log_format: str,
) -> None:
    """Run the operator.

    Every option is also an environment variable: HACLUSTER_NODE_IMAGE, HACLUSTER_IMAGE_PULL_POLICY, HACLUSTER_PRIORITY_CLASS,
    HACLUSTER_WATCH_NAMESPACE, HACLUSTER_LIVENESS_PORT, HACLUSTER_LEASE_NAMESPACE, HACLUSTER_IDENTITY,
    HACLUSTER_LOG_LEVEL, HACLUSTER_LOG_FORMAT.
    """
    from hacluster.control import run
    from hacluster.plan import Settings

    _log_to_stderr(log_level, as_json=log_format.lower() == "json")
    settings = Settings(node_image, image_pull_policy, priority_class, watched_namespace=namespace)
    options = run.Options(
        settings,
        namespace=namespace or None,
        liveness_port=liveness_port,
        lease_namespace=lease_namespace,
        identity=identity,
    )
    asyncio.run(run.run(options))


def _log_to_stderr(level: str, *, as_json: bool) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonFormatter() if as_json else logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    if level.lower() != "debug":
        # kopf logs every event that it passes on, asyncio and aiohttp log every connection.
        for name in ("kopf", "asyncio", "aiohttp"):
            logging.getLogger(name).setLevel(logging.WARNING)


class _JsonFormatter(logging.Formatter):
    """Writes each record as a JSON object on one line; a traceback is its field `error`."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
