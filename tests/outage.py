"""`assert_outages_are_explained`: an invariant of every status, whatever a test has done before."""

from hacluster.api.status import Condition, ConditionStatus, HAClusterStatus


def assert_outages_are_explained(status: HAClusterStatus) -> None:
    """Asserts that a virtual IP without a holder makes Ready False, and that Ready's message names it and every node.

    Before its first holder the message may say instead what the start waits for.
    """
    without = [vip for vip in status.virtual_ips if not vip.holders]
    ready = next((each for each in status.conditions if each.type == "Ready"), None)
    if not without or ready is None:
        return
    assert ready.status is ConditionStatus.FALSE, f"nobody holds {without[0].address}, and Ready is {ready.status}"
    assert ready.message, f"nobody holds {without[0].address}, and Ready has no message ({ready.reason})"
    for vip in without:
        if vip.last_holder:
            _assert_names(ready, vip.address)


def _assert_names(ready: Condition, address: str) -> None:
    assert "nobody holds" in ready.message and address in ready.message, f"Ready does not say why nobody holds {address}: {ready}"
