"""Apache's old addresses stay while some HAProxy may still use them."""

from dataclasses import replace
from typing import Any

from hacluster import names
from hacluster.nodeconfig import File
from hacluster.plan import Plan
from hacluster.plan.objects.objects import config_maps
from hacluster.plan.rollout.apache_addresses import old_addresses_are_needed
from hacluster.plan.rollout.rollout import LastGood
from tests.unit.plan.clusters import cluster, plan
from tests.unit.plan.rollout.simulation import OLD, settled


def moved(**haproxy: Any) -> Plan:
    return plan(cluster(apache={"port": 8099}, **haproxy))


def test_they_stay_until_every_node_has_loaded_the_new_ones() -> None:
    sim, new = settled(), moved()
    assert old_addresses_are_needed(sim.step(new), new.texts), "n1 is held back, n2 and n3 have not loaded it yet"
    sim.load("n2", "n3")
    step = sim.step(new)
    assert not step.held_back and old_addresses_are_needed(step, new.texts), "n1 has still to load it"
    sim.load("n1")
    assert not old_addresses_are_needed(sim.step(new), new.texts)


def test_there_are_none_where_apache_stays() -> None:
    sim, new = (
        settled(),
        plan(cluster(haproxy={"retries": 7, "listeners": cluster().model_dump(by_alias=True)["spec"]["haproxy"]["listeners"]})),
    )
    step = sim.step(new)
    assert step.held_back and not old_addresses_are_needed(step, new.texts)


def test_not_where_haproxy_needs_the_old_port() -> None:
    """HAProxy would wait for the port, and the roll-out for HAProxy."""
    old_port = 8081
    listeners = [{"name": "web", "port": old_port, "backend": {"apache": {}}}]
    sim, new = settled(), moved(haproxy={"listeners": listeners})
    assert f":{old_port}" in "".join(OLD.texts["n1"].values())
    step = sim.step(new)
    assert step.waits_for and not old_addresses_are_needed(step, new.texts)


def test_a_last_good_configuration_that_cannot_be_read_stops_nothing() -> None:
    """One of another version, or one that somebody has changed."""
    new = moved()
    step = settled().step(new)
    for text in ("{", "{}", '{"apache": "here"}', '{"apache": {}}'):
        texts = {node: {**files, File.AGENT: text} for node, files in step.last_good.texts.items()}
        old_addresses_are_needed(replace(step, last_good=LastGood(texts)), new.texts)


def test_apache_is_told_by_a_key_of_its_config_map() -> None:
    for keep in (False, True):
        lb, apache = config_maps(cluster(), OLD.texts, keep_addresses=keep)
        assert (names.KEEP_ADDRESSES in apache["data"]) is keep and names.KEEP_ADDRESSES not in lb["data"]
