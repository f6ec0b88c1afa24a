"""The files that HAProxy reads: the last good ones stay, whatever becomes of a Secret."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hacluster.agent.paths import Paths
from hacluster.agent.secrets.certificate_files import CertificateFiles
from hacluster.agent.secrets.source import Data
from hacluster.agent.secrets.store import SecretStore, Seen
from hacluster.nodeconfig import AgentConfig, Certificate
from tests.certificates import certificate

ONE, RENEWED, SOON = certificate("one.example"), certificate("one.example"), certificate("one.example", days=5)
NOW = datetime.now(UTC)
FIELD = "spec.haproxy.listeners[0].tls.secretNames[0]"


def config(*names: str) -> AgentConfig:
    listed = tuple(Certificate(name=name, field=FIELD) for name in names)
    return AgentConfig(cluster="web", namespace="default", node="n1", revision="r1", certificates=listed)


class Files:
    """The files of one node, and what was seen of the Secrets."""

    def __init__(self, folder: Path) -> None:
        self.paths, self.store = Paths(run=folder), SecretStore()
        self.restart()

    def restart(self) -> None:
        self.files = CertificateFiles(self.paths, self.store)

    def see(self, name: str, data: Data | None) -> None:
        self.store.put(name, Seen(data) if data is not None else Seen(error="there is none; create it"))

    def load(self, *names: str) -> None:
        assert self.files.offer(config(*names)) == ()
        self.files.write()
        self.files.commit()

    def present(self) -> dict[str, str]:
        return {each.name: each.read_text() for each in self.paths.certificates.iterdir()}


@pytest.fixture
def node(tmp_path: Path) -> Files:
    made = Files(tmp_path)
    made.see("a", ONE)
    made.load("a")
    return made


def test_a_file_is_of_root_alone(node: Files) -> None:
    assert [each.stat().st_mode & 0o777 for each in node.paths.certificates.iterdir()] == [0o600]
    assert node.paths.certificates.stat().st_mode & 0o777 == 0o700
    assert not node.files.to_load and not node.files.altered


@pytest.mark.parametrize("data", [None, {}, {**ONE, "tls.key": SOON["tls.key"]}], ids=["gone", "empty", "broken"])
def test_the_last_good_one_stays_and_the_problem_names_field_and_secret(node: Files, data: Data | None) -> None:
    before = node.present()
    node.see("a", data)
    assert node.files.changed
    node.load("a")
    assert node.present() == before and not node.files.changed
    (problem,) = node.files.problems(config("a"), NOW)
    assert problem.message.startswith(f"{FIELD}: Secret a: ") and problem.message.endswith("The last good one stays in force")
    node.see("a", ONE)
    assert node.files.problems(config("a"), NOW) == ()


def test_a_renewed_one_is_loaded_and_one_without_a_name_is_removed(node: Files) -> None:
    before = node.present()
    node.see("a", RENEWED)
    node.see("b", ONE)
    assert node.files.offer(config("a", "b")) == () and node.files.to_load
    node.files.write()
    assert node.present() != before
    node.files.commit()
    assert not node.files.to_load and set(node.present()) == {"a", "b"}
    node.load("b")
    assert set(node.present()) == {"b"}


def test_what_is_missing_is_told_and_nothing_is_written(node: Files) -> None:
    (problem,) = node.files.offer(config("a", "b"))
    assert problem.message == (
        f"{FIELD}: Secret b: it has not been read yet. Until then the new configuration is not loaded; what runs goes on"
    )
    assert set(node.present()) == {"a"} and not node.files.to_load


def test_what_the_daemon_refuses_is_taken_back(node: Files) -> None:
    before = node.present()
    node.see("a", RENEWED)
    node.files.offer(config("a"))
    node.files.write()
    node.files.restore()
    assert node.present() == before and not node.files.altered


def test_a_restarted_agent_goes_on_with_the_files_though_it_sees_no_secret(node: Files) -> None:
    before = node.present()
    node.store = SecretStore()
    node.restart()
    assert node.files.offer(config("a")) == () and not node.files.to_load
    assert node.present() == before and node.files.problems(config("a"), NOW) == ()


def test_an_agent_that_was_killed_before_the_reload_has_it_made_up_for(node: Files) -> None:
    node.see("a", RENEWED)
    node.files.offer(config("a"))
    node.files.write()
    node.restart()
    node.files.offer(config("a"))
    assert node.files.to_load


def test_another_programs_change_is_seen_and_put_right(node: Files) -> None:
    before = node.present()
    (node.paths.certificates / "a").write_text("something else")
    assert node.files.altered
    node.files.restore()
    assert node.present() == before and not node.files.altered


def test_an_end_within_two_weeks_is_told_with_its_date(node: Files) -> None:
    node.see("a", SOON)
    node.load("a")
    (problem,) = node.files.problems(config("a"), NOW)
    assert problem.reason == "CertificateExpires" and problem.message.startswith(f"{FIELD}: Secret a: the certificate ends at 20")
    node.see("a", ONE)
    node.load("a")
    assert node.files.problems(config("a"), NOW) == ()


def test_nothing_of_a_secret_is_printed_with_what_was_seen() -> None:
    assert ONE["tls.key"][:40] not in repr(Seen(ONE))
