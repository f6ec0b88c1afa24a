"""A change of the configuration is a transaction: backups first, the holder last, and back at the first refusal."""

import json
import re
import time
from typing import Any

import pytest

from hacluster import names
from hacluster.nodeconfig import File
from tests.api.apiserver import ApiServer
from tests.api.environment import NODES, World, call, operator
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver

WORDS = "haproxy.cfg: line 12: unknown keyword"


def has(here: World, name: str, retries: int) -> bool:
    data = here.get("configmaps", "web-config")["data"]
    return bool(re.search(rf"retries\s+{retries}\n", data[names.key(here.node(name), File.HAPROXY)]))


def offered(here: World, retries: int, *nodes: str) -> None:
    assert [name for name in NODES if has(here, name, retries)] == list(nodes)


def says(here: World, words: str) -> None:
    condition = here.condition("Ready")
    assert condition["status"] == "False" and condition["message"].endswith(words), condition


def refuse(here: World, name: str) -> str:
    """The node's daemons do not take what it is offered: it goes on with what it has. Returns the revision."""
    revision = here.orders(name).revision
    before = next(each for each in here.status()["nodes"] if each["name"] == here.node(name))["configRevision"]
    problem = {"reason": "ConfigurationRefused", "message": WORDS, "revision": revision}
    here.obey(name, configRevision=before, problems=[problem])
    return revision


def test_backups_first_then_the_holder(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        here.change(haproxy={"retries": 7})
        eventually(lambda: offered(here, 7, "node2", "node3"), within=5)
        here.obey("node2")
        words = f"{here.node('node1')}: waits until the new configuration is live on {here.node('node3')}"
        eventually(lambda: says(here, words), within=5)
        offered(here, 7, "node2", "node3")
        here.obey("node3")
        eventually(lambda: offered(here, 7, *NODES), within=5)
        here.obey("node1", holds=True)
        here.until("Ready", "True")


def test_live_everywhere_within_three_seconds(apiserver: ApiServer, here: World) -> None:
    """The operator's part: the agents of this test answer at once."""
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        took = []
        for retries in (4, 5, 6):
            began = time.monotonic()
            here.change(haproxy={"retries": retries})
            here.follow()
            took.append(time.monotonic() - began)
            offered(here, retries, *NODES)
        print("\ntwo stages took " + ", ".join(f"{each:.2f} s" for each in took))
        assert max(took) < 3, took


def test_a_refusal_takes_it_back_and_is_told(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        good = here.get("configmaps", "web-config")["data"]
        here.change(haproxy={"retries": 7})
        eventually(lambda: offered(here, 7, "node2", "node3"), within=5)
        here.obey("node3")
        revision = refuse(here, "node2")
        eventually(lambda: offered(here, 7), within=5)
        assert here.get("configmaps", "web-config")["data"] == good
        for name in ("node2", "node3"):
            here.obey(name)
        degraded = here.until("Degraded", "True", "ConfigurationRefused")
        assert f"{here.node('node2')} refused revision {revision}: {WORDS}" in degraded["message"]
        here.until("Ready", "False", "ConfigurationRefused")
        assert here.status()["vipHolder"] == here.node("node1")
        kept = here.get("configmaps", names.config_good("web"))["metadata"]["annotations"][names.ANNOTATION_REFUSED]
        (said,) = json.loads(kept)
        assert (said["node"], said["revision"], said["message"]) == (here.node("node2"), revision, WORDS)
        version = here.get("configmaps", "web-config")["metadata"]["resourceVersion"]

    with operator(apiserver, here.namespace):  # it remembers across a restart, and does not try again
        stays(here, version, seconds=4)
        here.until("Degraded", "True", "ConfigurationRefused")
        here.change(haproxy={"retries": 8})
        here.follow()
        offered(here, 8, *NODES)
        here.until("Degraded", "False")

        def forgotten() -> None:
            assert names.ANNOTATION_REFUSED not in here.get("configmaps", names.config_good("web"))["metadata"]["annotations"]
            assert here.events().count("Degraded") == 1 and "Recovered" in here.events()

        eventually(forgotten, within=5)  # both come a moment after the status


def stays(here: World, version: str, *, seconds: float) -> None:
    def changed() -> None:
        assert here.get("configmaps", "web-config")["metadata"]["resourceVersion"] != version

    with pytest.raises(AssertionError):
        eventually(changed, within=seconds, every=0.5)


def test_killed_between_the_stages(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace) as process:
        here.create()
        here.settle()
        here.change(haproxy={"retries": 7})
        eventually(lambda: offered(here, 7, "node2", "node3"), within=5)
        process.kill()
    here.obey("node3")
    with operator(apiserver, here.namespace):
        here.until("Reconciling", "True", "Progressing")
        offered(here, 7, "node2", "node3")
        refuse(here, "node2")
        eventually(lambda: offered(here, 7), within=5)


def test_nobody_waits_for_ever_for_a_silent_node(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        here.silence("node3")
        here.change(haproxy={"retries": 7})
        eventually(lambda: offered(here, 7, "node2", "node3"), within=5)
        here.obey("node2")
        eventually(lambda: offered(here, 7, *NODES), within=20)


def test_what_goes_over_the_wire_changes_everywhere_at_once(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        here.change(vrrp={"advertisementInterval": "200ms"})

        def changed() -> None:
            data = here.get("configmaps", "web-config")["data"]
            slow = [name for name in NODES if "advert_int 0.2" in data[names.key(here.node(name), File.KEEPALIVED)]]
            assert slow in ([], list(NODES)), "two halves that do not understand each other"
            assert slow

        eventually(changed, within=5, every=0.01)


def test_the_way_back_is_a_child_like_any_other(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        resource = here.create()
        here.settle()

        def back() -> Any:
            return here.get("configmaps", names.config_good("web"))

        kept = eventually(back, within=5)  # written once every node has told that it runs the revision
        assert kept["metadata"]["ownerReferences"][0]["uid"] == resource["metadata"]["uid"]
        here.delete("configmaps", names.config_good("web"))
        assert eventually(back, within=5)["binaryData"] == kept["binaryData"]
        broken = {"binaryData": {"texts.json.gz": "aGFja2Vk"}}
        call(apiserver, "PATCH", here.path("configmaps", names.config_good("web")), broken, "application/merge-patch+json")

        def mended() -> None:
            assert back()["binaryData"] == kept["binaryData"]

        eventually(mended, within=5)


def test_an_apache_that_is_no_longer_wanted_serves_until_the_last_node_does_without(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        servers = [{"name": "a", "address": "10.0.0.1", "port": 80}]
        here.change(apache=None, haproxy={"listeners": [{"name": "web", "port": 80, "backend": {"servers": servers}}]})
        here.configured("server a 10.0.0.1:80")
        for name in ("node2", "node3"):
            here.obey(name)
        eventually(lambda: last(here), within=5)
        assert ("daemonsets", "web-apache") in here.children()
        here.obey("node1", holds=True)

        def gone() -> None:
            assert not [name for _, name in here.children() if name == "web-apache"]

        eventually(gone, within=5)
        here.until("Ready", "True")


def last(here: World) -> None:
    data = here.get("configmaps", "web-config")["data"]
    assert "10.0.0.1" in data[names.key(here.node("node1"), File.HAPROXY)]
