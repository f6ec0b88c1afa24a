"""The configuration from which kind creates the cluster. Pure."""

import json

from . import network

NODES = tuple(network.NODES)


def containers(cluster: str) -> dict[str, str]:
    """Kubernetes node name -> the container that kind makes for it, in the order of the configuration."""
    return {node: f"{cluster}-worker{number if number > 1 else ''}" for number, node in enumerate(NODES, start=1)}


def render(cluster: str, *, own_network_plugin: bool, cgroup_v1: bool) -> str:
    """One control plane and the tutorial's three nodes. JSON, which is YAML."""
    # The kubelet refuses to start on control groups of version 1 unless failCgroupV1 is false.
    patches = [{"kind": "KubeletConfiguration", "failCgroupV1": False}] if cgroup_v1 else []
    workers = [
        {
            "role": "worker",
            "kubeadmConfigPatches": [json.dumps({"kind": "JoinConfiguration", "nodeRegistration": {"name": node}})],
        }
        for node in NODES
    ]
    config = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": cluster,
        "networking": {"disableDefaultCNI": own_network_plugin, "podSubnet": network.PODS},
        "kubeadmConfigPatches": [json.dumps(patch) for patch in patches],
        "nodes": [{"role": "control-plane"}, *workers],
    }
    return json.dumps(config, indent=1)
