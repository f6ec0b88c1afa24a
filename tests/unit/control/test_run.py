"""An operator that may not act, because another one has the Lease."""

from kubernetes.aio.client import Configuration

from hacluster.control.run import Operator, Options
from hacluster.kube.client import Client
from hacluster.plan import Settings


async def test_what_is_due_while_it_may_not_act_is_looked_at_again() -> None:
    """A short loss of the Lease must not cancel a look that was due by time: no event would bring it back."""
    leads = False
    client = Client(Configuration(host="http://127.0.0.1:1"), manager="test")
    try:
        operator = Operator(client, Options(Settings(node_image="node")), lambda: leads)
        for work in (operator._reconcile, operator._report_status):
            again = await work(("ns", "web"))
            assert again is not None and 0 < again <= 10
    finally:
        await client.close()
