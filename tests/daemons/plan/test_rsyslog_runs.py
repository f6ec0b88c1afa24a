"""rsyslog writes HAProxy's log to a file of the node, also after the node's logrotate has renamed that file."""

import pytest

from tests.daemons.plan.pod import Pod, daemonset
from tests.daemons.plan.tutorial import tutorial
from tests.waiting import assert_unchanged, eventually

pytestmark = pytest.mark.daemons

_SEND = """
import socket, sys
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"<150>Jan  1 12:00:00 haproxy[1]: " + sys.argv[1].encode(), ("127.0.0.1", 514))
"""


def assert_written(pod: Pod, words: str) -> None:
    """Sends a message of HAProxy's facility, as rsyslog may not receive yet, and looks for it in the file."""
    pod.sh(f"python3 -c '{_SEND}' '{words}'")
    assert words in (pod.folder / "log").read_text(), pod.log("rsyslog")


@pytest.mark.parametrize("deleted", [False, True], ids=["renamed", "deleted"])
def test_the_next_container_writes_to_the_new_file(pod: Pod, deleted: bool) -> None:
    plan = tutorial()
    pod.install(plan)
    pod.start(daemonset(plan, "web-lb"), "rsyslog")
    eventually(lambda: assert_written(pod, "one"), within=10)
    log, rotated = pod.folder / "log", pod.folder / "log.1"
    if deleted:
        log.unlink()
    else:
        log.rename(rotated)
    log.touch()

    def assert_ended() -> None:
        assert not pod.running("rsyslog"), "it still writes to the old file"

    eventually(assert_ended, within=5)
    assert "was renamed or deleted" in pod.log("rsyslog")
    pod.restart("rsyslog")
    eventually(lambda: assert_written(pod, "two"), within=10)
    assert deleted or "two" not in rotated.read_text()


def test_copytruncate_keeps_the_container(pod: Pod) -> None:
    plan = tutorial()
    pod.install(plan)
    pod.start(daemonset(plan, "web-lb"), "rsyslog")
    eventually(lambda: assert_written(pod, "one"), within=10)
    (pod.folder / "log").write_text("")
    assert_unchanged(True, lambda: pod.running("rsyslog"), seconds=2.5, every=0.5)  # it looks at the file every second
    eventually(lambda: assert_written(pod, "two"), within=10)
