"""Makes httpd.conf and the start page of one node.

The user's HTML goes into a file of its own and never into httpd.conf, so it cannot add a directive.
"""

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
    """The node's httpd.conf: Apache listens on `address` and `port` only.

    Raises:
        UnsafeText: a value would change the meaning of a line.

    """
    apache = cluster.spec.apache
    own_content = apache is not None and apache.content_config_map is not None
    return render(
        "httpd.conf.j2",
        cluster=cluster.metadata.full_name,
        node=node,
        address=bracketed(address),
        port=port,
        run_dir=names.RUN_DIR,
        content_dir=names.CONTENT_DIR if own_content else "",
        config_dir=names.CONFIG_DIR,
        page=names.key(node, File.PAGE),
    )


def page(cluster: HACluster, node: Participant) -> str:
    """The node's start page: the user's HTML, in which {node}, {ordinal} and {cluster} are replaced; all other braces stay."""
    configured = cluster.spec.apache.page if cluster.spec.apache else None
    text = _PAGE if configured is None else configured
    values = {"node": node.name, "ordinal": str(node.ordinal), "cluster": cluster.metadata.name}
    filled = re.sub(r"\{(node|ordinal|cluster)\}", lambda found: html.escape(values[found[1]]), text)
    return filled if filled.endswith("\n") else f"{filled}\n"
