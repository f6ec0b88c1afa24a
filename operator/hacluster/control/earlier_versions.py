"""What versions before HAClusterNode left behind: agents that still write `status.nodes`, and the nodes' Leases.

While an upgrade replaces the node pods one after another, agents of both versions run. An earlier agent has applied its entry of
`status.nodes` with a field manager of its own (`names.entry_manager`), by which its entries are told from the operator's. Such an entry
is the node's report until the node's new agent reports; then `apply.py` removes that field manager.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from hacluster import names
from hacluster.kube.client import ApiError, Client
from hacluster.kube.kinds import LEASE, Object

log = logging.getLogger(__name__)


def entries_of_earlier_agents(raw: Object | None) -> Iterator[Mapping[str, Any]]:
    """The entries of `status.nodes` that agents have written, and not the operator. `raw` is a HACluster of the cache."""
    if raw is None:
        return
    managers = raw["metadata"].get("managers") or ()
    for entry in (raw.get("status") or {}).get("nodes") or ():
        if isinstance(entry, Mapping) and entry.get("name") and names.entry_manager(str(entry["name"])) in managers:
            yield entry


async def delete_leases(client: Client, namespace: str | None) -> bool:
    """Deletes the Leases that earlier versions made, one for each node and resource. False: it failed, and has to be tried again."""
    try:
        leases = [each async for each in client.list(LEASE, namespace=namespace)]
        for each in leases:
            metadata = each["metadata"]
            await client.delete(LEASE, metadata["namespace"], metadata["name"], uid=metadata["uid"])
    except ApiError as error:
        log.warning("Leases of an earlier version are left: %s", error)
        return False
    if leases:
        log.info("deleted %d Leases of an earlier version", len(leases))
    return True
