"""The truth in status: who holds what, which nodes are fit, what is wrong and how it is mended. Pure."""

from hacluster.plan.status.events import News
from hacluster.plan.status.holders import GRACE, Holders, find_holders
from hacluster.plan.status.inputs import NodeSeen, Situation, VirtualIP, is_silent
from hacluster.plan.status.report import Report, report
from hacluster.plan.status.view import View, needs_attention, stale, view

__all__ = [
    "GRACE",
    "Holders",
    "News",
    "NodeSeen",
    "Report",
    "Situation",
    "View",
    "VirtualIP",
    "find_holders",
    "is_silent",
    "needs_attention",
    "report",
    "stale",
    "view",
]
