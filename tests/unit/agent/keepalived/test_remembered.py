"""Virtual IPs that the resource names no more: when they are removed, and when they are forgotten. Times are seconds."""

from pathlib import Path

from hacluster.agent.keepalived.remembered import PATIENCE, RememberedAddresses

OLD, NEW, OWN = "10.0.0.200", "10.0.0.201", "10.0.0.1"


def test_an_address_that_is_named_no_more_and_stays_is_removed(tmp_path: Path) -> None:
    remembered = RememberedAddresses(tmp_path / "record")
    assert remembered.update({OLD}, {OWN, OLD}, 10) == set()
    assert remembered.update({NEW}, {OWN, OLD}, 11) == set(), "keepalived may just be reloading"
    assert remembered.update({NEW}, {OWN, OLD}, 11 + PATIENCE) == {OLD}


def test_the_record_outlives_the_agent(tmp_path: Path) -> None:
    RememberedAddresses(tmp_path / "record").update({OLD}, {OLD}, 10)
    restarted = RememberedAddresses(tmp_path / "record")
    for at in (1, 1 + PATIENCE):
        assert restarted.update((), {OLD}, at) == set(), "no configuration was read yet"
    assert restarted.update({NEW}, {OLD}, 10) == set(), "its time begins with the first configuration"
    assert restarted.update({NEW}, {OLD}, 10 + PATIENCE) == {OLD}
    assert restarted.all == {OLD, NEW}


def test_who_adds_the_address_after_it_was_gone_may_keep_it(tmp_path: Path) -> None:
    """Another resource, or the administrator."""
    remembered = RememberedAddresses(tmp_path / "record")
    remembered.update({OLD}, {OLD}, 10)
    remembered.update({NEW}, {OLD}, 11)
    remembered.update({NEW}, {OWN}, 12)
    assert remembered.update({NEW}, {OWN, OLD}, 13) == set()
    assert remembered.update({NEW}, {OWN, OLD}, 99) == set()
    assert remembered.all == {NEW}


def test_an_address_that_is_named_again_stays(tmp_path: Path) -> None:
    remembered = RememberedAddresses(tmp_path / "record")
    for at, named in enumerate((OLD, NEW, OLD, NEW)):
        assert remembered.update({named}, {OLD}, float(at)) == set()


def test_the_record_is_bounded_and_may_be_broken(tmp_path: Path) -> None:
    record = tmp_path / "record"
    remembered = RememberedAddresses(record)
    everything = [f"10.0.{each // 250}.{each % 250}" for each in range(2000)]
    for at in range(0, 2000, 20):
        remembered.update(everything[at : at + 20], everything, at)
    assert len(remembered.all) == 512 and everything[-1] in remembered.all
    for text in ("", "{}", "[1, null]", "[["):
        record.write_text(text)
        assert RememberedAddresses(record).all == set()


def test_a_full_disk_is_no_failure(tmp_path: Path) -> None:
    remembered = RememberedAddresses(tmp_path / "missing" / "record")
    remembered.update({OLD}, {OLD}, 10)
    assert remembered.all == {OLD}
