"""The status of a resource: which node holds which virtual IP, which nodes are fit, what is wrong and how to repair it. Pure.

`report` makes the next status from the previous one and the inputs; `view` prepares a stored status for a reader.

- `inputs.py` – what a report is made from: the observed nodes and the results of planning and applying.
- `holders.py` – which node holds a virtual IP, where reports may be stale.
- `nodes.py` – whether a node is fit to hold a virtual IP, and if not, why.
- `failover.py` – the last move of a virtual IP: why, when, and how long it took.
- `flapping.py` – whether a virtual IP moves too often.
- `conditions.py` – the conditions, from the findings of the files above.
- `report.py` – the next status, made with all of them.
- `events.py` – the Kubernetes Events for the difference between two statuses.
- `view.py` – a stored status without what silent nodes reported of themselves.
"""

from hacluster.plan.status.events import Event
from hacluster.plan.status.holders import GRACE, Holders, find_holders
from hacluster.plan.status.inputs import ObservedNode, ReportInputs, VirtualIP, is_silent
from hacluster.plan.status.report import Report, report
from hacluster.plan.status.view import View, needs_attention, silent_by_lease, view

__all__ = [
    "GRACE",
    "Event",
    "Holders",
    "ObservedNode",
    "Report",
    "ReportInputs",
    "View",
    "VirtualIP",
    "find_holders",
    "is_silent",
    "needs_attention",
    "report",
    "silent_by_lease",
    "view",
]
