"""The tutorial's load balancer pod: its daemons run with exactly the capabilities that the pod template gives them."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hacluster import names
from hacluster.plan import Manifest, Plan
from tests.daemons.plan.pod import Pod, apache_files, daemonset
from tests.daemons.plan.tutorial import ENS3, tutorial
from tests.waiting import assert_exists, eventually

pytestmark = pytest.mark.daemons

VIP = "172.16.7.200"
ADMIN = "/run/hacluster/haproxy-admin.sock"
MASTER = "/run/hacluster/haproxy-master.sock"
_SOCKET_COMMAND = (
    'perl -MIO::Socket::UNIX -e \'$s = IO::Socket::UNIX->new("{socket}") or exit 1; print $s "{command}\\n"; print while <$s>\''
)


def http_code(pod: Pod, address: str) -> str:
    """The status code of an HTTP request from the node; 000 if there is no answer."""
    return pod.sh(f"curl -s -o /dev/null -w '%{{http_code}}' --max-time 2 http://{address}", check=False)


def workers(pod: Pod) -> list[str]:
    """Process ids of HAProxy's workers: the processes that run as its own user."""
    script = "for p in /proc/[0-9]*; do grep -qx haproxy $p/comm && grep -q '^Uid:.100' $p/status && echo ${p#/proc/}; done"
    return pod.sh(script, check=False).split()


def start_haproxy(pod: Pod, plan: Plan) -> Manifest:
    """Starts HAProxy with the plan's configuration, and waits until it answers."""
    pod.install(plan)
    container = pod.start(daemonset(plan, "web-lb"), "haproxy")
    eventually(lambda: assert_healthy(pod), within=10)
    return container


def assert_healthy(pod: Pod) -> None:
    request = "curl -s -o /dev/null -w '%{http_code}' --max-time 1 --unix-socket /run/hacluster/haproxy-health.sock"
    assert pod.sh(f"{request} http://x/healthz", check=False, container="haproxy") == "200", pod.log("haproxy")


@pytest.fixture
def haproxy(pod: Pod) -> Manifest:
    return start_haproxy(pod, tutorial())


def test_haproxy_listens_on_the_configured_addresses_without_privileges(pod: Pod, haproxy: Manifest) -> None:
    assert http_code(pod, f"{ENS3['node1']}:8080/stats") == "200"
    assert http_code(pod, "127.0.0.1:8080/stats") == "000", "the stats page is on ens3 only"
    assert {"0.0.0.0:80", "0.0.0.0%ens3:8080"} == set(pod.sh("ss -Hltn | awk '{print $4}'").split())
    assert pod.probe(haproxy, "livenessProbe")
    # The worker has no capability left.
    assert pod.sh(f"grep -h CapEff /proc/{workers(pod)[0]}/status").split()[1] == "0" * 16


def test_a_reload_replaces_the_worker(pod: Pod, haproxy: Manifest) -> None:
    """The master has to signal a worker that is not root: without CAP_KILL the old worker would go on with the old configuration."""
    before = workers(pod)
    assert pod.sh(_SOCKET_COMMAND.format(socket=MASTER, command="reload"), container="haproxy").startswith("Success=1")

    def replaced() -> None:
        assert len(workers(pod)) == 1 and workers(pod) != before, pod.log("haproxy")

    eventually(replaced, within=10)


def test_the_liveness_probe_fails_for_a_hung_haproxy_but_not_at_maxconn(pod: Pod) -> None:
    """At maxconn HAProxy accepts no connection, not even for the health check; it must not be restarted for that."""

    def few_connections(spec: dict[str, Any]) -> None:
        spec["haproxy"]["maxConnections"] = 50

    container = start_haproxy(pod, tutorial(few_connections))
    hold = "import socket, time; s = [socket.create_connection(('127.0.0.1', 80)) for _ in range(60)]; time.sleep(60)"
    pod.sh(f'python3 -c "{hold}" >/dev/null 2>&1 &')

    def at_maxconn() -> None:
        assert "CurrConns: 50" in pod.sh(_SOCKET_COMMAND.format(socket=ADMIN, command="show info"), container="haproxy")

    eventually(at_maxconn, within=10)
    with pytest.raises(AssertionError):
        assert_healthy(pod)
    assert pod.probe(container, "livenessProbe")

    pod.sh("killall -STOP haproxy", container="haproxy")
    assert not pod.probe(container, "livenessProbe")
    pod.sh("killall -CONT haproxy", container="haproxy")
    assert pod.probe(container, "livenessProbe")


def test_all_daemons_run_together_on_one_node(pod: Pod, haproxy: Manifest) -> None:
    plan = tutorial()
    lb = daemonset(plan, "web-lb")
    pod.start(lb, "rsyslog")
    pod.deliver("config", apache_files(plan))
    pod.start(daemonset(plan, "web-apache"), "apache")
    pod.start(lb, "keepalived")

    def served() -> None:
        response = pod.sh(f"curl -s --max-time 2 -i http://{VIP}/", check=False)
        assert "<h1>Đây là website từ Node 1</h1>" in response, pod.log("keepalived")
        assert "set-cookie: SERVERID=node1; path=/" in response.lower().replace("serverid", "SERVERID")

    eventually(served, within=30)
    assert f"inet {VIP}/24" in pod.sh("ip address show ens3")

    # The capabilities are enough: keepalived logged no refused request.
    log = pod.log("keepalived")
    assert not [line for line in log.splitlines() if re.search("permi|nable to lock|cannot|ailed", line)], log
    vrrp = pod.sh("cat /run/hacluster/keepalived-vrrp.pid", container="keepalived").strip()
    assert pod.sh(f"cut -d' ' -f19 /proc/{vrrp}/stat").strip() == "-20", "nice"
    allowed = pod.sh("chrt --rr 10 true && echo yes", check=False, container="keepalived").strip() == "yes"
    assert pod.sh(f"cut -d' ' -f41 /proc/{vrrp}/stat").strip() == ("2" if allowed else "0"), "SCHED_RR if the node allows it"
    assert pod.sh("cat /proc/$(cat /run/hacluster/keepalived.pid)/comm", container="keepalived").strip() == "keepalived"
    assert int(pod.sh(f"grep VmLck /proc/{vrrp}/status").split()[1]) > 0, "never swapped"

    # After several reloads the virtual IP is still there, and the process is the same (the template explains the danger: real time).
    for done in range(4):
        pod.sh("kill -HUP $(cat /run/hacluster/keepalived.pid)", container="keepalived")
        eventually(lambda times=done + 1: assert_logged(pod, "Reload complete", times), within=5)
        assert f"inet {VIP}/24" in pod.sh("ip address show ens3")
    assert pod.sh("cat /run/hacluster/keepalived-vrrp.pid", container="keepalived").strip() == vrrp

    def logged() -> None:
        assert " web-backend/node1 " in (pod.folder / "log").read_text(), pod.log("rsyslog")

    eventually(logged, within=5)

    # The tutorial's check script: without HAProxy the priority loses the weight.
    pod.sh("killall -KILL haproxy", container="haproxy")
    eventually(lambda: assert_logged(pod, "Changing effective priority from 103 to 101"), within=10)

    # The preStop hook waits for the agent, which this test replaces; then keepalived stops and removes the virtual IP.
    leave, left = (pod.folder / "run" / Path(each).name for each in (names.LEAVE_FILE, names.LEFT_FILE))
    with ThreadPoolExecutor() as pool:
        stopping = pool.submit(pod.stop, "keepalived")
        eventually(lambda: assert_exists(leave), within=10)
        assert f"inet {VIP}/24" in pod.sh("ip address show ens3") and not stopping.done()
        left.touch()
        stopping.result(timeout=30)
    assert VIP not in pod.sh("ip address show ens3")


def assert_logged(pod: Pod, words: str, times: int = 1) -> None:
    assert pod.log("keepalived").count(words) >= times, pod.log("keepalived")
