"""The Apache pod runs unprivileged, follows its ConfigMap, and keeps the last good configuration.

Unprivileged: not as root, without capabilities, on a read-only root file system.
"""

import time
from typing import Any

import pytest

from hacluster import names
from hacluster.plan import Plan
from tests.daemons.plan.pod import Pod, apache_files, daemonset
from tests.daemons.plan.tutorial import ETH0, tutorial
from tests.waiting import eventually

pytestmark = pytest.mark.daemons

PAGE = "<h1>Đây là website từ Node 1</h1>\n"


def plan_with_port(port: int) -> Plan:
    """The tutorial's plan with another port of Apache."""

    def change(spec: dict[str, Any]) -> None:
        spec["apache"]["port"] = port

    return tutorial(change)


def answer(pod: Pod, port: int = 8081, path: str = "/", *options: str) -> str:
    return pod.sh(f"curl -s --max-time 2 {' '.join(options)} http://{ETH0['node1']}:{port}{path}", check=False)


def status(pod: Pod, path: str = "/", *options: str) -> str:
    return answer(pod, 8081, path, "-o /dev/null -w '%{http_code}'", *options)


def assert_page(pod: Pod, port: int) -> None:
    assert answer(pod, port) == PAGE, pod.log("apache")


def reloaded(pod: Pod, times: int) -> None:
    """Raises AssertionError unless Apache has loaded so many changed files."""
    assert pod.log("apache").count("httpd.conf changed: reloading") == times


def test_apache_serves_only_its_page_and_runs_unprivileged(pod: Pod) -> None:
    plan = tutorial()
    pod.deliver("config", apache_files(plan))
    container = pod.start(daemonset(plan, "web-apache"), "apache")

    eventually(lambda: assert_page(pod, 8081), within=10)
    assert pod.probe(container, "readinessProbe")
    assert "text/html;charset=utf-8" in answer(pod, 8081, "/", "-I").replace(" ", "").lower()
    assert status(pod, "/", "-X OPTIONS") == "200"
    assert status(pod, "/index.html") == "200"
    # Neither the other files of the ConfigMap nor files of the container are served.
    for path in ("/node1.httpd.conf", "/node2.index.html", "/..data/node1.httpd.conf", "/etc/passwd", "/cgi-bin/"):
        assert status(pod, path, "--path-as-is") == "403", path
    processes = pod.sh("for p in /proc/[0-9]*; do grep -E '^(Name|Uid|CapEff|CapBnd)' $p/status; done", container="apache")
    assert "apache2\nUid:\t33\t33\t33\t33\nCapEff:" in processes.replace("CapBnd", "CapEff")
    assert {line.split()[1] for line in processes.splitlines() if line.startswith("Cap")} == {"0" * 16}
    pod.stop("apache")
    assert "hacluster:" not in pod.log("apache")


def test_apache_waits_for_its_configuration(pod: Pod) -> None:
    plan = tutorial()
    (pod.folder / "config").mkdir()
    container = pod.start(daemonset(plan, "web-apache"), "apache")
    assert not pod.probe(container, "readinessProbe")

    pod.deliver("config", apache_files(plan))
    eventually(lambda: assert_page(pod, 8081), within=10)


def test_apache_follows_a_changed_port_without_a_restart(pod: Pod) -> None:
    plan = tutorial()
    pod.deliver("config", apache_files(plan))
    container = pod.start(daemonset(plan, "web-apache"), "apache")
    eventually(lambda: assert_page(pod, 8081), within=10)
    before = pod.sh("cat /run/hacluster/httpd.pid", container="apache")

    pod.deliver("config", apache_files(plan_with_port(9081)))
    eventually(lambda: assert_page(pod, 9081), within=10)
    assert_page(pod, 8081)  # an HAProxy may not have loaded the new port yet
    assert pod.probe(container, "readinessProbe"), "on both ports"
    pod.deliver("config", apache_files(plan))
    eventually(lambda: reloaded(pod, 2), within=10)
    assert_page(pod, 8081)
    assert_page(pod, 9081)
    roll_out = {names.KEEP_ADDRESSES: "until the roll-out is complete"}
    pod.deliver("config", apache_files(plan_with_port(9081)) | roll_out)
    time.sleep(18)  # longer than Apache keeps it by itself
    assert_page(pod, 8081)
    pod.deliver("config", apache_files(plan_with_port(9081)))

    def old_port_is_free() -> None:
        assert answer(pod, 8081) == ""

    eventually(old_port_is_free, within=30)
    assert_page(pod, 9081)
    assert pod.sh("cat /run/hacluster/httpd.pid", container="apache") == before


def test_apache_keeps_the_last_good_configuration(pod: Pod) -> None:
    plan = tutorial()
    files = apache_files(plan)
    pod.deliver("config", files)
    pod.start(daemonset(plan, "web-apache"), "apache")
    eventually(lambda: assert_page(pod, 8081), within=10)

    # A file that `apache2 -t` refuses.
    pod.deliver("config", files | {"node1.httpd.conf": files["node1.httpd.conf"] + "Nonsense On\n"})

    def refused() -> None:
        assert "Apache refuses the new httpd.conf" in pod.log("apache")

    eventually(refused, within=10)
    assert_page(pod, 8081)

    # A file that `apache2 -t` accepts, but with which Apache stops: nobody has that address.
    elsewhere = files["node1.httpd.conf"].replace(f"Listen {ETH0['node1']}", "Listen 192.0.2.77")
    pod.deliver("config", files | {"node1.httpd.conf": elsewhere})

    def went_back() -> None:
        assert "back to the last good configuration" in pod.log("apache")
        assert_page(pod, 8081)

    eventually(went_back, within=15)
    assert pod.running("apache")

    # The next good file is installed again.
    pod.deliver("config", apache_files(plan_with_port(9082)))
    eventually(lambda: assert_page(pod, 9082), within=10)


def test_apache_stays_on_the_old_port_while_another_program_has_the_new_one(pod: Pod) -> None:
    plan = tutorial()
    pod.deliver("config", apache_files(plan))
    pod.start(daemonset(plan, "web-apache"), "apache")
    eventually(lambda: assert_page(pod, 8081), within=10)
    pod.sh(f"python3 -m http.server --bind {ETH0['node1']} 9999 >/dev/null 2>&1 & echo $! >/tmp/other.pid")

    def other_program() -> None:
        assert answer(pod, 9999), "the other program listens"

    eventually(other_program, within=10)
    before = pod.sh("cat /run/hacluster/httpd.pid", container="apache")
    pod.deliver("config", apache_files(plan_with_port(9999)))

    def waits() -> None:
        assert "another program listens on" in pod.log("apache")

    eventually(waits, within=10)
    assert_page(pod, 8081)
    pod.sh("kill $(cat /tmp/other.pid)")
    eventually(lambda: assert_page(pod, 9999), within=10)
    assert pod.sh("cat /run/hacluster/httpd.pid", container="apache") == before, "without a restart"

    pod.deliver("config", apache_files(plan))
    eventually(lambda: assert_page(pod, 8081), within=10)
