"""The tutorial's load balancer pod: its daemons with exactly the capabilities that the pod template gives them."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hacluster import names
from hacluster.plan import Manifest, Plan
from tests.daemons.plan.pod import Pod, apache_files, daemonset
from tests.daemons.plan.tutorial import ENS3, tutorial
from tests.waiting import eventually

pytestmark = pytest.mark.daemons

VIP = "172.16.7.200"
ADMIN = "/run/hacluster/haproxy-admin.sock"
MASTER = "/run/hacluster/haproxy-master.sock"
_ASK = (
    'perl -MIO::Socket::UNIX -e \'$s = IO::Socket::UNIX->new("{socket}") or exit 1; print $s "{command}\\n"; print while <$s>\''
)


def code(pod: Pod, address: str) -> str:
    return pod.sh(f"curl -s -o /dev/null -w '%{{http_code}}' --max-time 2 http://{address}", check=False)


def workers(pod: Pod) -> list[str]:
    """HAProxy's processes that have dropped to its user."""
    script = "for p in /proc/[0-9]*; do grep -qx haproxy $p/comm && grep -q '^Uid:.100' $p/status && echo ${p#/proc/}; done"
    return pod.sh(script, check=False).split()


def start_haproxy(pod: Pod, plan: Plan) -> Manifest:
    """HAProxy with the plan's configuration, once it answers."""
    pod.install(plan)
    container = pod.start(daemonset(plan, "web-lb"), "haproxy")
    eventually(lambda: assert_healthy(pod), within=10)
    return container


def assert_healthy(pod: Pod) -> None:
    asked = "curl -s -o /dev/null -w '%{http_code}' --max-time 1 --unix-socket /run/hacluster/haproxy-health.sock"
    assert pod.sh(f"{asked} http://x/healthz", check=False, container="haproxy") == "200", pod.log("haproxy")


@pytest.fixture
def haproxy(pod: Pod) -> Manifest:
    return start_haproxy(pod, tutorial())


def test_haproxy_listens_where_it_should(pod: Pod, haproxy: Manifest) -> None:
    assert code(pod, f"{ENS3['node1']}:8080/stats") == "200"
    assert code(pod, "127.0.0.1:8080/stats") == "000", "the stats page is on ens3 only"
    assert {"0.0.0.0:80", "0.0.0.0%ens3:8080"} == set(pod.sh("ss -Hltn | awk '{print $4}'").split())
    assert pod.probe(haproxy, "livenessProbe")
    # The master's worker has no privilege left.
    assert pod.sh(f"grep -h CapEff /proc/{workers(pod)[0]}/status").split()[1] == "0" * 16


def test_a_reload_replaces_the_worker(pod: Pod, haproxy: Manifest) -> None:
    """The master ends a worker that is not root: without CAP_KILL it would live on, and serve the old configuration."""
    before = workers(pod)
    assert pod.sh(_ASK.format(socket=MASTER, command="reload"), container="haproxy").startswith("Success=1")

    def replaced() -> None:
        assert len(workers(pod)) == 1 and workers(pod) != before, pod.log("haproxy")

    eventually(replaced, within=10)


def test_liveness_tells_a_hung_haproxy_from_a_full_one(pod: Pod) -> None:
    """A process that has all its connections takes no new one, not even for its health; it must not be restarted for that."""

    def few(spec: dict[str, Any]) -> None:
        spec["haproxy"]["maxConnections"] = 50

    container = start_haproxy(pod, tutorial(few))
    hold = "import socket, time; s = [socket.create_connection(('127.0.0.1', 80)) for _ in range(60)]; time.sleep(60)"
    pod.sh(f'python3 -c "{hold}" >/dev/null 2>&1 &')

    def full() -> None:
        assert "CurrConns: 50" in pod.sh(_ASK.format(socket=ADMIN, command="show info"), container="haproxy")

    eventually(full, within=10)
    with pytest.raises(AssertionError):
        assert_healthy(pod)
    assert pod.probe(container, "livenessProbe")

    pod.sh("killall -STOP haproxy", container="haproxy")
    assert not pod.probe(container, "livenessProbe")
    pod.sh("killall -CONT haproxy", container="haproxy")
    assert pod.probe(container, "livenessProbe")


def test_the_whole_front_door_on_one_node(pod: Pod, haproxy: Manifest) -> None:
    plan = tutorial()
    lb = daemonset(plan, "web-lb")
    pod.start(lb, "rsyslog")
    pod.deliver("config", apache_files(plan))
    pod.start(daemonset(plan, "web-apache"), "apache")
    pod.start(lb, "keepalived")

    def served() -> None:
        said = pod.sh(f"curl -s --max-time 2 -i http://{VIP}/", check=False)
        assert "<h1>Đây là website từ Node 1</h1>" in said, pod.log("keepalived")
        assert "set-cookie: SERVERID=node1; path=/" in said.lower().replace("serverid", "SERVERID")

    eventually(served, within=30)
    assert f"inet {VIP}/24" in pod.sh("ip address show ens3")

    # Not root-only luck: what keepalived asked for, it got.
    said = pod.log("keepalived")
    assert not [line for line in said.splitlines() if re.search("permi|nable to lock|cannot|ailed", line)], said
    vrrp = pod.sh("cat /run/hacluster/keepalived-vrrp.pid", container="keepalived").strip()
    assert pod.sh(f"cut -d' ' -f19 /proc/{vrrp}/stat").strip() == "-20", "nice"
    allowed = pod.sh("chrt --rr 10 true && echo yes", check=False, container="keepalived").strip() == "yes"
    assert pod.sh(f"cut -d' ' -f41 /proc/{vrrp}/stat").strip() == ("2" if allowed else "0"), "SCHED_RR where it may be"
    assert pod.sh("cat /proc/$(cat /run/hacluster/keepalived.pid)/comm", container="keepalived").strip() == "keepalived"
    assert int(pod.sh(f"grep VmLck /proc/{vrrp}/status").split()[1]) > 0, "never swapped"

    # Reloads, one after another, leave the address where it is and the process alive (see the template on real time).
    for done in range(4):
        pod.sh("kill -HUP $(cat /run/hacluster/keepalived.pid)", container="keepalived")
        eventually(lambda times=done + 1: assert_said(pod, "Reload complete", times), within=5)
        assert f"inet {VIP}/24" in pod.sh("ip address show ens3")
    assert pod.sh("cat /run/hacluster/keepalived-vrrp.pid", container="keepalived").strip() == vrrp

    def logged() -> None:
        assert " web-backend/node1 " in (pod.folder / "log").read_text(), pod.log("rsyslog")

    eventually(logged, within=5)

    # The tutorial's check: no HAProxy, minus its weight.
    pod.sh("killall -KILL haproxy", container="haproxy")
    eventually(lambda: assert_said(pod, "Changing effective priority from 103 to 101"), within=10)

    # A clean end waits for the agent, whose part the test plays here, and takes the address along.
    leave, left = (pod.folder / "run" / Path(each).name for each in (names.LEAVE_FILE, names.LEFT_FILE))
    with ThreadPoolExecutor() as pool:
        stopping = pool.submit(pod.stop, "keepalived")
        eventually(lambda: assert_made(leave), within=10)
        assert f"inet {VIP}/24" in pod.sh("ip address show ens3") and not stopping.done()
        left.touch()
        stopping.result(timeout=30)
    assert VIP not in pod.sh("ip address show ens3")


def assert_made(file: Path) -> None:
    assert file.exists()


def assert_said(pod: Pod, words: str, times: int = 1) -> None:
    assert pod.log("keepalived").count(words) >= times, pod.log("keepalived")
