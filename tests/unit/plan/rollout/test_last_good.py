"""The last good configuration, and files that were edited."""

from hacluster.nodeconfig import File
from hacluster.plan.rollout.last_good import last_good_object, read_last_good
from hacluster.plan.rollout.rollout import LastGood
from hacluster.plan.texts.revision import is_unaltered, revision_of, stated_revision
from tests.unit.plan.clusters import cluster
from tests.unit.plan.rollout.simulation import NEW, OLD, settled


def test_an_edited_file_is_put_back_at_once_and_never_becomes_the_last_good_one() -> None:
    sim = settled()
    sim.silent = {"n2"}
    sim.offered = {**sim.offered, "n1": {**sim.offered["n1"], File.HAPROXY: "hacked"}}
    assert sim.step(OLD).texts == OLD.texts
    sim.offered = {**sim.offered, "n1": {**sim.offered["n1"], File.HAPROXY: "hacked"}}
    step = sim.step(NEW)
    assert step.held_back == ("n1",) and step.texts["n1"] == OLD.texts["n1"]


def test_last_good_texts_that_were_edited_are_not_read() -> None:
    sim = settled()
    assert sim.good is not None
    assert read_last_good({**sim.good, "binaryData": {"texts.json.gz": "bm9uc2Vuc2U="}}) == LastGood()
    assert read_last_good({**sim.good, "binaryData": None}) == LastGood()
    hacked = {node: {**texts, File.HAPROXY: "hacked"} for node, texts in OLD.texts.items()}
    assert read_last_good(last_good_object(cluster(), LastGood(hacked))) == LastGood()


def test_the_revision_follows_from_the_files_whatever_fields_another_version_writes() -> None:
    texts = dict(OLD.texts["n1"])
    assert revision_of(texts) == stated_revision(texts) == OLD.revisions["n1"]
    older = {**texts, File.AGENT: texts[File.AGENT].replace('"drain_seconds"', '"an_older_field"')}
    sealed = {**older, File.AGENT: older[File.AGENT].replace(OLD.revisions["n1"], revision_of(older))}
    assert is_unaltered(sealed) and not is_unaltered(older)
