"""The Apache pod: not root, no capability, a read-only root; it follows its ConfigMap, and never gives up what works."""

from typing import Any

import pytest

from hacluster.plan import Plan
from tests.daemons.plan.pod import Pod, apache_files, daemonset
from tests.daemons.plan.tutorial import ETH0, tutorial
from tests.waiting import eventually

pytestmark = pytest.mark.daemons

PAGE = "<h1>Đây là website từ Node 1</h1>\n"


def on_port(port: int) -> Plan:
    def change(spec: dict[str, Any]) -> None:
        spec["apache"]["port"] = port

    return tutorial(change)


def answer(pod: Pod, port: int = 8081, path: str = "/", *options: str) -> str:
    return pod.sh(f"curl -s --max-time 2 {' '.join(options)} http://{ETH0['node1']}:{port}{path}", check=False)


def status(pod: Pod, path: str = "/", *options: str) -> str:
    return answer(pod, 8081, path, "-o /dev/null -w '%{http_code}'", *options)


def assert_page(pod: Pod, port: int) -> None:
    assert answer(pod, port) == PAGE, pod.log("apache")


def test_serves_the_page_as_nobody(pod: Pod) -> None:
    plan = tutorial()
    pod.deliver("config", apache_files(plan))
    container = pod.start(daemonset(plan, "web-apache"), "apache")

    eventually(lambda: assert_page(pod, 8081), within=10)
    assert pod.probe(container, "readinessProbe")
    assert "text/html;charset=utf-8" in answer(pod, 8081, "/", "-I").replace(" ", "").lower()
    assert status(pod, "/", "-X OPTIONS") == "200"
    assert status(pod, "/index.html") == "200"
    # What else lies in the ConfigMap is not for the world, and nor is anything else.
    for path in ("/node1.httpd.conf", "/node2.index.html", "/..data/node1.httpd.conf", "/etc/passwd", "/cgi-bin/"):
        assert status(pod, path, "--path-as-is") == "403", path
    shown = pod.sh("for p in /proc/[0-9]*; do grep -E '^(Name|Uid|CapEff|CapBnd)' $p/status; done", container="apache")
    assert "apache2\nUid:\t33\t33\t33\t33\nCapEff:" in shown.replace("CapBnd", "CapEff")
    assert {line.split()[1] for line in shown.splitlines() if line.startswith("Cap")} == {"0" * 16}
    pod.stop("apache")
    assert "hacluster:" not in pod.log("apache")


def test_waits_for_its_configuration(pod: Pod) -> None:
    plan = tutorial()
    (pod.folder / "config").mkdir()
    container = pod.start(daemonset(plan, "web-apache"), "apache")
    assert not pod.probe(container, "readinessProbe")

    pod.deliver("config", apache_files(plan))
    eventually(lambda: assert_page(pod, 8081), within=10)


def test_follows_a_changed_port_without_a_restart(pod: Pod) -> None:
    plan = tutorial()
    pod.deliver("config", apache_files(plan))
    pod.start(daemonset(plan, "web-apache"), "apache")
    eventually(lambda: assert_page(pod, 8081), within=10)
    before = pod.sh("cat /run/hacluster/httpd.pid", container="apache")

    pod.deliver("config", apache_files(on_port(9081)))
    eventually(lambda: assert_page(pod, 9081), within=10)
    assert answer(pod, 8081) == ""
    assert pod.sh("cat /run/hacluster/httpd.pid", container="apache") == before


def test_keeps_what_works_when_the_new_file_is_no_good(pod: Pod) -> None:
    plan = tutorial()
    files = apache_files(plan)
    pod.deliver("config", files)
    pod.start(daemonset(plan, "web-apache"), "apache")
    eventually(lambda: assert_page(pod, 8081), within=10)

    # One that `apache2 -t` refuses.
    pod.deliver("config", files | {"node1.httpd.conf": files["node1.httpd.conf"] + "Nonsense On\n"})

    def refused() -> None:
        assert "Apache refuses the new httpd.conf" in pod.log("apache")

    eventually(refused, within=10)
    assert_page(pod, 8081)

    # One that it takes, and dies of: somebody else has the port.
    pod.sh(f"python3 -m http.server --bind {ETH0['node1']} 9999 >/dev/null 2>&1 &")

    def taken() -> None:
        assert answer(pod, 9999), "the other program listens"

    eventually(taken, within=10)
    pod.deliver("config", apache_files(on_port(9999)))

    def went_back() -> None:
        assert "back to the last good configuration" in pod.log("apache")
        assert_page(pod, 8081)

    eventually(went_back, within=15)
    assert pod.running("apache")

    # And the next good one is followed again.
    pod.deliver("config", apache_files(on_port(9082)))
    eventually(lambda: assert_page(pod, 9082), within=10)
