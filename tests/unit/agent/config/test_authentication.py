"""keepalived.conf with the password of a Secret: each way in which a Secret changes, goes and comes."""

from pathlib import Path

import pytest

from hacluster.agent.config import turn
from hacluster.agent.config.bundle import parse_bundle, read_good
from hacluster.agent.config.deviations import Deviation
from hacluster.agent.config.outcome import Retry
from hacluster.agent.vrrp.authentication import password_in
from hacluster.nodeconfig import AgentConfig, File
from tests.unit.agent.config.authenticated import FIELD, A, B, Front, offered
from tests.unit.agent.config.node import REFUSED, Node
from tests.unit.agent.config.test_turn import VRID_51


@pytest.fixture
def front(node: Node, monkeypatch: pytest.MonkeyPatch) -> Front:
    monkeypatch.setattr(turn, "LEAD", 0.05)
    return Front(node)


@pytest.fixture
async def started(front: Front) -> Front:
    """A node whose keepalived has the password A."""
    front.see(A)
    assert await front.install(offered()) == []
    front.node.daemons.start()
    front.node.daemons.requests.clear()
    return front


async def test_a_changed_secret_is_loaded_and_back_again(started: Front) -> None:
    assert started.loaded() == A
    for value in (B, A):
        started.see(value)
        assert started.installer.certificates.changed, "the watcher installs again"
        assert await started.install(offered()) == []
        assert started.loaded() == value and not started.installer.certificates.changed
        assert started.node.daemons.requests == ["check keepalived.conf", "reload keepalived.conf"]
        started.node.daemons.requests.clear()
    assert await started.install(offered()) == [] and started.node.daemons.requests == []


async def test_authentication_comes_and_goes(started: Front) -> None:
    for revision, secret, password in (("r2", "", ""), ("r3", "vrrp", A), ("r4", "other", B), ("r5", "", "")):
        started.see(B, name="other")
        assert await started.install(offered(revision, secret)) == []
        assert started.loaded() == password


async def test_only_root_reads_the_files_and_no_message_has_the_password(started: Front) -> None:
    paths = started.node.paths
    having = [each for each in paths.run.rglob("*") if each.is_file() and A in each.read_text()]
    assert sorted(having) == sorted([paths.live(File.KEEPALIVED), paths.good(File.KEEPALIVED)])
    assert {each.stat().st_mode & 0o777 for each in having} == {0o600}
    modes: list[int] = []
    check = started.node.daemons.validate

    async def validate(file: File, candidate: Path) -> object:
        modes.append(candidate.stat().st_mode & 0o777)  # noqa: ASYNC240 - in memory
        return await check(file, candidate)

    started.node.daemons.validate = validate  # type: ignore[method-assign,assignment]
    started.see(B)
    await started.install(offered())
    assert modes == [0o600]


@pytest.mark.parametrize(
    ("value", "reason", "why"),
    [
        (None, "SecretMissing", "there is none; create it"),
        ("", "SecretInvalid", "its key password is empty"),
        ("longer than 8", "SecretInvalid", "its key password has 13 bytes"),
        ('a"b', "SecretInvalid", "has a character"),
    ],
)
async def test_the_last_good_password_stays_whatever_becomes_of_the_secret(
    started: Front, value: str | None, reason: str, why: str
) -> None:
    started.see(value)
    assert await started.install(offered()) == []
    assert started.loaded() == A and started.node.daemons.requests == []
    ((found, message),) = started.problems()
    assert found == reason and message.startswith(f"{FIELD}: Secret vrrp: ") and why in message
    assert message.endswith("The last good one stays in force") and A not in message
    # Another change of the resource is loaded all the same.
    changed = offered("r2")
    changed = parse_bundle({**changed.texts, File.HAPROXY: "h2"})
    assert await started.install(changed) == []
    assert started.node.daemons.running[File.HAPROXY] == "h2" and started.loaded() == A
    started.see(A)
    assert started.problems() == []


@pytest.mark.parametrize(("secret", "key"), [("other", "password"), ("vrrp", "other")])
async def test_a_secret_that_was_never_seen_holds_the_new_configuration_up(started: Front, secret: str, key: str) -> None:
    outcome = await started.installer.install(offered("r2", secret, key))
    (problem,) = outcome.problems
    assert outcome.retry is Retry.PORT
    assert problem.message.endswith("Until then the new configuration is not loaded; what runs goes on")
    assert started.loaded() == A and started.node.daemons.requests == []
    assert started.installer.good and started.installer.good.config.revision == "r1"
    assert not started.installer.certificates.changed, "it is tried again when a Secret changes, not at once"
    started.see(B, secret, key)
    assert started.installer.certificates.changed
    assert await started.install(offered("r2", secret, key)) == []
    assert started.loaded() == B


async def test_nothing_starts_without_the_password(front: Front) -> None:
    (message,) = await front.install(offered())
    assert message.startswith(f"{FIELD}: Secret vrrp: it has not been read yet") and not front.node.paths.ready.exists()
    front.see(A)
    assert await front.install(offered()) == [] and front.node.paths.ready.exists()


async def test_an_agent_that_starts_without_an_api_server_goes_on_with_the_last_good_password(started: Front) -> None:
    started.restart(forget=True)
    assert await started.install(offered()) == []
    assert started.node.daemons.requests == [] and started.problems() == []
    started.see(B)
    assert await started.install(offered()) == []
    assert started.loaded() == B


async def test_a_refused_reload_takes_the_old_password_back(started: Front) -> None:
    started.see(B)
    started.node.daemons.reloads[File.KEEPALIVED] = [REFUSED]
    assert len(await started.install(offered())) == 1
    assert started.loaded() == A
    good = read_good(started.node.paths)
    assert good and password_in(good.texts[File.KEEPALIVED]) == A


async def test_a_node_without_such_a_router_needs_no_secret(front: Front) -> None:
    wanted = offered()
    agent = wanted.config.model_copy(update={"routers": ()})
    alone = parse_bundle({**wanted.texts, File.KEEPALIVED: VRID_51, File.AGENT: agent.model_dump_json()})
    assert await front.install(alone) == []
    front.see("longer than 8")
    assert front.problems() == []


async def test_what_somebody_else_writes_into_the_file_is_found(started: Front) -> None:
    live = started.node.paths.live(File.KEEPALIVED)
    live.write_text(live.read_text().replace(A, B))
    found = await started.installer.find_deviations()
    assert found == {Deviation.FILES}
    await started.installer.restore(found)
    assert password_in(live.read_text()) == A == started.loaded() and live.stat().st_mode & 0o777 == 0o600


def test_a_config_without_authentication_has_no_such_field_in_agent_json() -> None:
    assert "authentication" not in AgentConfig(cluster="c", namespace="n", node="a", revision="").model_dump_json()
