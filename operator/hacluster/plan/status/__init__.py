"""The truth in status: who holds what, which nodes are fit, what is wrong and how it is mended. Pure."""

from hacluster.plan.status.events import Event
from hacluster.plan.status.holders import GRACE, Holders, find_holders
from hacluster.plan.status.inputs import ObservedNode, ReportInputs, VirtualIP, is_silent
from hacluster.plan.status.report import Report, report
from hacluster.plan.status.view import View, needs_attention, stale, view

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
    "stale",
    "view",
]
