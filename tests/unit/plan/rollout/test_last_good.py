"""The last good configuration, and files that were edited."""

import base64
import gzip
import json

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
    assert read_last_good({**sim.good, "binaryData": {"shared-texts.json.gz": "bm9uc2Vuc2U="}}) == LastGood()
    assert read_last_good({**sim.good, "binaryData": None}) == LastGood()
    hacked = {node: {**texts, File.HAPROXY: "hacked"} for node, texts in OLD.texts.items()}
    assert read_last_good(last_good_object(cluster(), LastGood(hacked))) == LastGood()


def test_last_good_texts_are_read_back_also_those_of_version_0_1() -> None:
    good = LastGood(OLD.texts)
    written = last_good_object(cluster(), good)
    assert written is not None and read_last_good(written) == good
    plain = {node: {file.value: text for file, text in texts.items()} for node, texts in OLD.texts.items()}
    former = base64.b64encode(gzip.compress(json.dumps(plain).encode())).decode()
    assert read_last_good({**written, "binaryData": {"texts.json.gz": former}}) == good
    for broken in ({"texts": []}, {"texts": [], "nodes": {"n1": {"haproxy.cfg": 7}}}, [], {"texts": 1, "nodes": 1}):
        packed = base64.b64encode(gzip.compress(json.dumps(broken).encode())).decode()
        assert read_last_good({**written, "binaryData": {"shared-texts.json.gz": packed}}) == LastGood()


def test_the_revision_follows_from_the_files_whatever_fields_another_version_writes() -> None:
    texts = dict(OLD.texts["n1"])
    assert revision_of(texts) == stated_revision(texts) == OLD.revisions["n1"]
    older = {**texts, File.AGENT: texts[File.AGENT].replace('"drain_seconds"', '"an_older_field"')}
    sealed = {**older, File.AGENT: older[File.AGENT].replace(OLD.revisions["n1"], revision_of(older))}
    assert is_unaltered(sealed) and not is_unaltered(older)


def test_texts_that_another_python_has_packed_are_not_packed_again() -> None:
    """Two operators with different versions would write the ConfigMap in turn, without end."""
    sim = settled()
    assert sim.good is not None
    texts = json.loads(gzip.decompress(base64.b64decode(sim.good["binaryData"]["shared-texts.json.gz"])))
    other = base64.b64encode(gzip.compress(json.dumps(texts, indent=1).encode(), compresslevel=1, mtime=7)).decode()
    read = read_last_good({**sim.good, "binaryData": {"shared-texts.json.gz": other}})
    again = last_good_object(cluster(), read)
    assert again is not None and again["binaryData"] == {"shared-texts.json.gz": other}
    sim.good = again
    sim.step(OLD)
    assert sim.good is not None and sim.good["binaryData"] == {"shared-texts.json.gz": other}
    sim.settle(NEW)
    assert sim.good is not None and sim.good["binaryData"] != {"shared-texts.json.gz": other}
