"""The walk's values: every field of the resource has some, all of them are valid, and a seed always makes the same walk."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pydantic import BaseModel

from hacluster.api import parse
from hacluster.api.base import fields_of
from hacluster.api.spec import HAClusterSpec
from hacluster.rehearse.address_watch import Change
from hacluster.rehearse.measure import parse_records
from tests.dataplane.walk import checks, samples
from tests.dataplane.walk.edits import RandomWalk, difference, edited, manifest
from tests.dataplane.walk.fields import BASE, EXCLUDED, FIELDS
from tests.dataplane.walk.snapshot import differences
from tests.dataplane.walk.validity import layout, valid

NODES = layout()
SERVER = {"name": "one", "address": "192.168.60.91", "port": 9000}


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The paths of all fields below a model that are no models themselves."""
    for name, inner in fields_of(model).items():
        yield from leaves(inner, f"{prefix}{name}.") if inner and inner.model_fields else [prefix + name]


def test_every_field_of_the_resource_has_values_or_a_reason_to_have_none() -> None:
    assert set(leaves(HAClusterSpec)) == FIELDS.keys() | EXCLUDED.keys()
    assert not FIELDS.keys() & EXCLUDED.keys()
    assert all(FIELDS.values()) and all(EXCLUDED.values())


@pytest.mark.parametrize(("backend", "answered"), [({"apache": {}}, False), ({"servers": [SERVER]}, True)])
def test_no_resource_sends_the_clients_to_a_path_at_which_apache_has_nothing(backend: dict[str, Any], answered: bool) -> None:
    """Clients ask for `/`. They saw 403 in step 56 of `random --seed 15`."""
    route = {"pathPrefix": "/", "replacePrefix": "/x", "backend": backend}
    assert (valid(edited(BASE, {"haproxy.listeners[0].routes": [route]}), NODES) is not None) is answered


@pytest.mark.parametrize("name", FIELDS)
def test_every_value_is_valid_and_differs_from_the_base_resource(name: str) -> None:
    base = valid(dict(BASE), NODES)
    clusters = [valid(edited(BASE, edit), NODES) for edit in FIELDS[name]]
    assert base and all(clusters), clusters
    assert base not in clusters and len({each.model_dump_json() for each in clusters if each}) == len(clusters)


def test_every_sample_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "_FILES", Path(__file__).parents[3] / "manifests" / "samples")
    specs = samples.samples()
    assert [name for name, spec in specs.items() if valid(spec, NODES) is None] == []
    assert {name for pair in samples.PAIRS for name in pair} == specs.keys()


def test_the_same_seed_makes_the_same_walk_of_valid_resources() -> None:
    def steps(seed: int) -> list[tuple[str, object]]:
        walk = RandomWalk(Random(seed), lambda spec: valid(spec, NODES) is not None)
        return [walk.step() for _ in range(25)]

    assert steps(7) == steps(7) != steps(8)


def test_an_edit_makes_what_its_path_leads_through_and_leaves_the_original_alone() -> None:
    spec = edited(BASE, {"haproxy.listeners[0].cookie.name": "S", "nodes[0].name": "node1", "apache": None})
    assert spec["haproxy"]["listeners"][0]["cookie"] == {"name": "S"} and spec["nodes"] == [{"name": "node1"}]
    assert "apache" not in spec and "cookie" not in BASE["haproxy"]["listeners"][0]
    changed = [line.replace(" ", "") for line in difference(BASE, spec).splitlines()]
    assert '+"name":"S"' in changed and '-"apache":{},' in changed


def test_failed_requests_are_a_fault_where_nothing_on_the_wire_changes() -> None:
    records = parse_records(["r 1.0 0.001 a", "f 1.01 0.5 NobodyAnswers", "r 1.02 0.001 a", "b 1.01 EOFError:closed"])
    (failed, broken) = checks.client_faults("newcomer", records, checks.Cost(False, 1.0, 0.5), 0.0)
    assert "1 of 3 requests failed, +1.010 to +1.010 s: NobodyAnswers" in failed and "broke" in broken
    assert not checks.client_faults("newcomer", records, checks.Cost(True, 1.0, 0.5), 0.0)
    assert checks.client_faults("client", parse_records([]), checks.Cost(True, 1.0, 0.5), 0.0) == ["client: sent nothing"]


def test_a_socket_that_is_replaced_by_another_may_reset_what_it_has_not_accepted() -> None:
    from hacluster.plan import Settings, make_plan

    base, bound = (
        valid(spec, NODES)
        for spec in (dict(BASE), edited(BASE, {"haproxy.listeners[0].bind": "VirtualIPs", "system.nonlocalBind": True}))
    )
    assert base and bound
    plans = [make_plan(each, NODES.nodes, Settings(node_image="x")) for each in (base, bound)]
    cost = checks.allowed(base, plans[0], bound, plans[1])
    assert not cost.on_wire and cost.resets == 2 and checks.allowed(base, plans[0], base, plans[0]).resets == 0
    for reason, number, faults in (
        ("ConnectionResetError:reset", 2, 0),
        ("ConnectionResetError:reset", 3, 1),
        ("TimeoutError:", 1, 1),
    ):
        records = parse_records(["r 10.0 0.001 a", *[f"f 10.01 0.001 {reason}"] * number])
        assert len(checks.client_faults("client", records, cost, 0.0)) == faults, (reason, number)


def test_a_connection_may_end_when_the_drain_after_a_move_is_over_and_not_before() -> None:
    base = parse(manifest(BASE))  # with a drain of 2 s
    moves = [Change(at, "node2", "172.16.7.200", True) for at in (6.4, 9.0, 10.0)]
    assert checks.drains(moves, (), 9.5, base, base) == [(11.0, 12.0), (12.0, 13.0)], "also of a move in the step before"
    assert checks.drains((), [(9.0, 12.5)], 9.5, base, base) == [(11.0, 13.5)], "a pod that ends closes what it still has"
    drained = checks.drains(moves[2:], (), 9.5, base, base)
    for at, faults in ((11.9, 1), (12.1, 0), (13.1, 1)):
        records = parse_records(["r 10.0 0.001 a", f"b {at} ConnectionResetError:reset"])
        assert len(checks.client_faults("client", records, checks.Cost(False, 10.0, 0.5), 0.0, drained)) == faults, at


def test_a_time_without_or_with_several_holders_is_a_fault() -> None:
    changes = [Change(0.0, "a", "192.0.2.1", True), Change(1.0, "a", "192.0.2.1", False), Change(3.5, "b", "192.0.2.1", True)]
    cost = checks.Cost(False, 1.0, 0.5)
    (fault,) = checks.holder_faults(changes, ["192.0.2.1"], (0.0, 4.0), cost)
    assert "no holder for 2.50 s" in fault
    (fault,) = checks.holder_faults([*changes, Change(3.6, "a", "192.0.2.1", True)], ["192.0.2.1"], (3.5, 5.0), cost)
    assert "several holders for 1.40 s" in fault


def test_a_change_of_what_both_ends_must_agree_on_may_take_one_failover_of_the_slower_setting() -> None:
    from hacluster.plan import Settings, make_plan

    specs = (dict(BASE), edited(BASE, {"vrrp.advertisementInterval": "1s"}), edited(BASE, {"haproxy.retries": 7}))
    base, slow, retries = (valid(spec, NODES) for spec in specs)
    assert base and slow and retries
    plans = {id(each): make_plan(each, NODES.nodes, Settings(node_image="x")) for each in (base, slow, retries)}
    assert checks.allowed(base, plans[id(base)], slow, plans[id(slow)]) == checks.Cost(True, 4 + checks.SLACK, 4 + checks.SLACK)
    assert not checks.allowed(base, plans[id(base)], retries, plans[id(retries)]).on_wire


def test_the_difference_of_two_snapshots_names_the_place_and_the_lines() -> None:
    one = {"nodes": {"a": {"rules": ["5151: x", "0: y"], "files": {"f": "1\n2\n"}}}}
    other = {"nodes": {"a": {"rules": ["0: y"], "files": {"f": "1\n3\n"}}}}
    assert differences(one, other) == [
        "nodes / a / files / f: ['2'] instead of ['3']",
        "nodes / a / rules: ['5151: x'] instead of []",
    ]
    assert not differences(one, one)
