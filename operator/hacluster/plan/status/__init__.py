"""The status of a resource: which node holds which virtual IP, which nodes are fit, what is wrong and how to repair it. Pure.

`report` makes the next status from the previous one and the inputs; `view` prepares a stored status for a reader.

- `inputs.py` – what a report is made from: the observed nodes and the results of planning and applying.
- `holders.py` – which node holds a virtual IP, where reports may be stale.
- `doubts.py` – which agents have to be asked whether they still run.
- `fitness.py` – whether a node could take over: what a roll-out waits for.
- `servers.py` – how many Apache servers the holders use: what a roll-out of Apache waits for.
- `taints.py` – which taints keep pods from a node, and the toleration to add.
- `nodes.py` – whether a node is fit to hold a virtual IP, and if not, why.
- `apart.py` – virtual routers that are to move together, but have not.
- `no_holder.py` – why nobody holds a virtual IP, for each node.
- `failover.py` – the last move of a virtual IP: why, when, and how long it took.
- `backends.py` – whether the listeners have servers, as the holders see them, and what to do where none is up.
- `flapping.py` – whether a virtual IP moves too often.
- `conditions.py` – the conditions, from the findings of the files above.
- `report.py` – the next status, made with all of them.
- `failed.py` – the status of a resource that the operator itself cannot process.
- `events.py` – the Kubernetes Events for the difference between two statuses.
- `view.py` – a stored status without what silent nodes reported of themselves.
"""

from hacluster.plan.status.backends import copied
from hacluster.plan.status.events import Event
from hacluster.plan.status.failed import failed
from hacluster.plan.status.holders import Holders, find_holders
from hacluster.plan.status.inputs import Claim, ObservedNode, ReportInputs, VirtualIP
from hacluster.plan.status.report import Report, report
from hacluster.plan.status.view import View, needs_attention, view

__all__ = [
    "Claim",
    "Event",
    "Holders",
    "ObservedNode",
    "Report",
    "ReportInputs",
    "View",
    "VirtualIP",
    "copied",
    "failed",
    "find_holders",
    "needs_attention",
    "report",
    "view",
]
