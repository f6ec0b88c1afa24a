"""The plan, pure: a resource and its observed nodes become topology, texts and objects."""

from hacluster.plan.conflicts import find_conflicts, taken_router_ids
from hacluster.plan.model import (
    Address,
    Interface,
    InterfaceAddress,
    Manifest,
    Member,
    NodeView,
    Participant,
    Plan,
    Router,
    Settings,
    Topology,
)
from hacluster.plan.plan import make_plan
from hacluster.plan.warnings import warnings_of

__all__ = [
    "Address",
    "Interface",
    "InterfaceAddress",
    "Manifest",
    "Member",
    "NodeView",
    "Participant",
    "Plan",
    "Router",
    "Settings",
    "Topology",
    "find_conflicts",
    "make_plan",
    "taken_router_ids",
    "warnings_of",
]
