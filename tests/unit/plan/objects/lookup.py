"""Finds objects, pod templates and containers in a plan, for the tests of this folder."""

from typing import Any

from hacluster.plan import Manifest, Plan

ALL_ON: dict[str, Any] = {
    "system": {"nonlocalBind": True},
    "haproxy": {"log": {"target": "File"}, "listeners": [{"name": "w", "port": 80, "backend": {"apache": {}}}]},
}
"""Fields of a spec with which the load balancer pod has every container that it can have."""


def find(made: Plan, kind: str, name: str) -> Manifest:
    """The one object of this kind and name."""
    (found,) = [each for each in made.objects if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def pod(made: Plan, name: str) -> dict[str, Any]:
    """The pod spec in the template of a DaemonSet."""
    spec: dict[str, Any] = find(made, "DaemonSet", name)["spec"]["template"]["spec"]
    return spec


def containers(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Name → container of a pod spec, init containers included."""
    return {each["name"]: each for each in (*spec.get("initContainers", ()), *spec["containers"])}
