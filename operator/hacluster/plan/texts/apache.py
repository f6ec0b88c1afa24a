"""httpd.conf and the start page of one node."""

import html
import re
from typing import Final

from hacluster import names
from hacluster.api import HACluster
from hacluster.nodeconfig import File
from hacluster.plan.model import Address, Participant
from hacluster.plan.texts.rendering import bracketed, render

_PAGE: Final = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{cluster}</title></head>
<body><h1>{cluster}: this is {node}</h1></body>
</html>
"""


def httpd_conf(cluster: HACluster, node: str, address: Address, port: int) -> str:
    """The node's httpd.conf."""
    apache = cluster.spec.apache
    own_content = apache is not None and apache.content_config_map is not None
    return render(
        "httpd.conf.j2",
        cluster=f"{cluster.metadata.namespace}/{cluster.metadata.name}",
        node=node,
        address=bracketed(address),
        port=port,
        run_dir=names.RUN_DIR,
        content_dir=names.CONTENT_DIR if own_content else "",
        config_dir=names.CONFIG_DIR,
        page=names.key(node, File.PAGE),
    )


def page(cluster: HACluster, node: Participant) -> str:
    """The node's start page: the user's HTML with {node}, {ordinal} and {cluster} replaced, all other braces as they are."""
    written = cluster.spec.apache.page if cluster.spec.apache else None
    text = _PAGE if written is None else written
    values = {"node": node.name, "ordinal": str(node.ordinal), "cluster": cluster.metadata.name}
    filled = re.sub(r"\{(node|ordinal|cluster)\}", lambda found: html.escape(values[found[1]]), text)
    return filled if filled.endswith("\n") else f"{filled}\n"
