"""The sysctl sidecar: the node's own values come back, but only when the last cluster has gone."""

import pytest

from hacluster.plan import Manifest
from tests.daemons.plan.pod import Pod, daemonset
from tests.daemons.plan.tutorial import tutorial
from tests.waiting import eventually

pytestmark = pytest.mark.daemons


def values(pod: Pod) -> list[str]:
    return pod.sh("cat /proc/sys/net/ipv4/ip_nonlocal_bind /proc/sys/net/ipv6/ip_nonlocal_bind").split()


def set_by(pod: Pod, container: Manifest) -> None:
    def check() -> None:
        assert pod.probe(container, "startupProbe"), pod.log("sysctl")
        assert values(pod) == ["1", "1"]

    eventually(check, within=10)


def test_sets_and_restores(pod: Pod) -> None:
    assert values(pod) == ["0", "0"]
    container = pod.start(daemonset(tutorial(), "web-lb"), "sysctl")
    set_by(pod, container)
    notes = pod.folder / "host-run" / "hacluster-nonlocal-bind"
    assert [each.name for each in (notes / "users").iterdir()] == ["default_web"]

    # Another cluster uses it as well.
    (notes / "users" / "default_other").touch()
    pod.stop("sysctl")
    assert values(pod) == ["1", "1"], "the other one still needs it"


def test_the_last_one_restores(pod: Pod) -> None:
    container = pod.start(daemonset(tutorial(), "web-lb"), "sysctl")
    set_by(pod, container)
    pod.stop("sysctl")
    assert values(pod) == ["0", "0"]
    assert list((pod.folder / "host-run").iterdir()) == []


def test_a_killed_pods_successor_knows_the_nodes_own_values(pod: Pod) -> None:
    notes = pod.folder / "host-run" / "hacluster-nonlocal-bind"
    (notes / "users").mkdir(parents=True)
    (notes / "users" / "default_web").touch()
    for family in ("ipv4", "ipv6"):
        (notes / family).write_text("0\n")
    # As the killed one left it.
    container = pod.start(daemonset(tutorial(), "web-lb"), "sysctl")
    set_by(pod, container)
    pod.stop("sysctl")
    assert values(pod) == ["0", "0"]
