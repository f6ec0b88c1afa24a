"""The plan, pure: from a resource and its observed nodes to topology, each node's files, child objects and the status.

`make_plan` is the way in, for the operator and for `hacluster render` and `rehearse`; `hacluster validate` calls `warnings_of` only.
Nothing here reads a clock, a file of the host or the network: observations and times are arguments, so every decision can be
tested without waiting.

The files, in the order in which data passes through them:

- `model.py` – what goes in (nodes as observed, settings) and what comes out (topology, plan).
- `seniority.py` – which of two resources is the older one.
- `conflicts.py` – what two resources both want: the older one keeps it.
- `interval.py` – the advertisement interval that all nodes can keep.
- `topology/` – which nodes take part, on which interface, with which priority, VRID, peers and backend address.
- `services/` – Services of type LoadBalancer: the listeners that they become, and their status.
- `warnings.py` – settings that are allowed but dangerous.
- `texts/` – the files of each node, and the revision that names them.
- `objects/` – the child objects that carry and run these files.
- `digest.py` – short hashes for annotations, revisions and refused plans.
- `plan.py` – calls the ones above, and puts their results into one `Plan`.
- `rollout/` – which node is offered which files now.
- `status/` – the status that follows from the plan and from what the nodes report.
"""

from hacluster.plan.conflicts import LeftoverPod, find_conflicts, held_by_leftovers, virtual_ips_of
from hacluster.plan.model import (
    Address,
    Agents,
    Interface,
    InterfaceAddress,
    Manifest,
    Member,
    NodeView,
    Participant,
    Plan,
    PodView,
    Router,
    Settings,
    Topology,
)
from hacluster.plan.plan import make_plan
from hacluster.plan.warnings import warnings_of

__all__ = [
    "Address",
    "Agents",
    "Interface",
    "InterfaceAddress",
    "LeftoverPod",
    "Manifest",
    "Member",
    "NodeView",
    "Participant",
    "Plan",
    "PodView",
    "Router",
    "Settings",
    "Topology",
    "find_conflicts",
    "held_by_leftovers",
    "make_plan",
    "virtual_ips_of",
    "warnings_of",
]
