"""The sysctl sidecar: it restores the node's own ip_nonlocal_bind, but only after the last cluster on the node."""

import pytest

from hacluster.plan import Manifest
from tests.daemons.plan.pod import Pod, daemonset
from tests.daemons.plan.tutorial import tutorial
from tests.waiting import eventually

pytestmark = pytest.mark.daemons


def values(pod: Pod) -> list[str]:
    return pod.sh("cat /proc/sys/net/ipv4/ip_nonlocal_bind /proc/sys/net/ipv6/ip_nonlocal_bind").split()


def wait_until_set(pod: Pod, container: Manifest) -> None:
    """Waits until the sidecar has set both values to 1."""

    def check() -> None:
        assert pod.probe(container, "startupProbe"), pod.log("sysctl")
        assert values(pod) == ["1", "1"]

    eventually(check, within=10)


def test_the_values_stay_while_another_cluster_needs_them(pod: Pod) -> None:
    assert values(pod) == ["0", "0"]
    container = pod.start(daemonset(tutorial(), "web-lb"), "sysctl")
    wait_until_set(pod, container)
    records = pod.folder / "host-run" / "hacluster-nonlocal-bind"
    assert [each.name for each in (records / "users").iterdir()] == ["default_web"]

    # Another cluster on this node needs the values as well.
    (records / "users" / "default_other").touch()
    pod.stop("sysctl")
    assert values(pod) == ["1", "1"], "the other cluster still needs them"


def test_the_last_cluster_restores_the_values_of_the_node(pod: Pod) -> None:
    container = pod.start(daemonset(tutorial(), "web-lb"), "sysctl")
    wait_until_set(pod, container)
    pod.stop("sysctl")
    assert values(pod) == ["0", "0"]
    assert list((pod.folder / "host-run").iterdir()) == []


def test_the_successor_of_a_killed_pod_restores_the_values_of_the_node(pod: Pod) -> None:
    # These are the files that the killed pod left behind.
    records = pod.folder / "host-run" / "hacluster-nonlocal-bind"
    (records / "users").mkdir(parents=True)
    (records / "users" / "default_web").touch()
    for family in ("ipv4", "ipv6"):
        (records / family).write_text("0\n")
    container = pod.start(daemonset(tutorial(), "web-lb"), "sysctl")
    wait_until_set(pod, container)
    pod.stop("sysctl")
    assert values(pod) == ["0", "0"]
