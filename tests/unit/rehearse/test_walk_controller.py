"""The walk's controller: it calls the product's own plan, roll-out and report with what the nodes of a lab report."""

import re
import threading
from types import SimpleNamespace
from typing import Any

from hacluster.nodeconfig import File
from hacluster.plan import Settings, make_plan
from hacluster.plan.texts.revision import stated_revision
from tests.dataplane.walk.controller import Controller
from tests.dataplane.walk.edits import edited
from tests.dataplane.walk.fields import BASE
from tests.dataplane.walk.validity import layout, valid

NODES = layout()


class Node:
    """A node of a lab whose agent loads at once what it is offered."""

    def __init__(self, name: str, pods: Any, interfaces: Any) -> None:
        self.name, self.pods, self.holds = name, pods, name == "node1"
        self.interfaces = [{"name": each.name, "addresses": [str(a) for a in each.addresses]} for each in interfaces]
        self.offered: list[Any] = []

    def offer(self, texts: Any, _others: Any = None) -> None:
        self.offered.append(texts)

    def entry(self) -> dict[str, Any]:
        revision = stated_revision(self.offered[-1]) if self.offered else ""
        router = {"name": "VI_1", "state": "Master" if self.holds else "Backup", "priority": 100, "interface": "ens3"}
        router |= {"virtualIPs": ["172.16.7.200"] if self.holds else [], "since": "2026-01-01T00:00:00.000000Z"}
        return {
            "name": self.name, "routers": [router] if revision else [], "interfaces": self.interfaces, "haproxy": "Up", "apache": "Up",
            "configRevision": revision, "since": "2026-01-01T00:00:00.000000Z",
        }  # fmt: skip


def test_a_change_reaches_the_backups_first_and_then_the_holder() -> None:
    base, changed = valid(dict(BASE), NODES), valid(edited(BASE, {"haproxy.retries": 7}), NODES)
    assert base and changed
    pods = make_plan(base, NODES.nodes, Settings(node_image="rehearsal")).objects
    nodes = {view.name: Node(view.name, pods, view.interfaces) for view in NODES.nodes}
    lab: Any = SimpleNamespace(cluster=base, nodes=nodes, layout=NODES, lock=threading.RLock(), plan=None)
    controller = Controller(lab)
    controller.change(base)
    for _ in range(3):
        controller.step()
    assert controller.status.vip_holder == "node1" and controller.status.node_summary == "3/3"
    before = {name: len(node.offered) for name, node in nodes.items()}
    controller.change(changed)
    controller.step()
    assert [name for name, node in nodes.items() if len(node.offered) > before[name]] == ["node2", "node3"]
    for _ in range(3):
        controller.step()
    assert all(re.search(r"retries +7", node.offered[-1][File.HAPROXY]) for node in nodes.values())
    assert {each.type: each.status.value for each in controller.status.conditions}["Ready"] == "True"
