"""A certificate that is renewed while a newer configuration cannot be loaded: HAProxy gets it with the configuration that it has."""

from pathlib import Path

import pytest

from hacluster.agent.config.bundle import Bundle, parse_bundle
from hacluster.agent.config.daemons import Verdict
from hacluster.agent.config.install import Installer
from hacluster.agent.secrets.certificate_files import CertificateFiles
from hacluster.agent.secrets.certificates import pem_of
from hacluster.agent.secrets.source import Data
from hacluster.agent.secrets.store import SecretStore, Seen
from hacluster.nodeconfig import Certificate, File
from tests.certificates import certificate
from tests.unit.agent.config.node import ABSENT, REFUSED, Node, bundle

OLD, RENEWED, OTHER = certificate("a.example"), certificate("a.example"), certificate("b.example")
RELOAD, CHECK = "reload haproxy.cfg", "check haproxy.cfg"


def offered(revision: str, *secrets: str, haproxy: str = "h1") -> Bundle:
    made = bundle(revision, haproxy=haproxy)
    names = tuple(Certificate(name=name, field="spec.haproxy.listeners[0].tls.secretNames[0]") for name in secrets)
    agent = made.config.model_copy(update={"certificates": names})
    return parse_bundle({**made.texts, File.AGENT: agent.model_dump_json()})


class Front:
    """A node that has loaded the first configuration, with the certificate of Secret a."""

    def __init__(self, node: Node) -> None:
        self.node, self.store = node, SecretStore()
        self.files = CertificateFiles(node.paths, self.store)
        self.installer = Installer(node.paths, node.daemons, lambda: node.listeners, certificates=self.files)

    async def start(self) -> None:
        self.see("a", OLD)
        assert await self.install(offered("r1", "a")) == []
        self.node.daemons.start()
        self.node.daemons.requests.clear()

    def see(self, name: str, data: Data) -> None:
        self.store.put(name, Seen(data))

    async def install(self, new: Bundle) -> list[str]:
        return [each.message for each in (await self.installer.install(new)).problems]

    def has(self, data: Data) -> bool:
        """Whether the files are exactly this certificate's."""
        files = list(self.node.paths.certificates.iterdir())
        return len(files) == 1 and not self.files.altered and files[0].read_text() == _pem(self.node, data)


def _pem(node: Node, data: Data) -> str:
    """The text of HAProxy's file."""
    return pem_of(data, node.paths.certificate_scratch)


@pytest.fixture
async def front(node: Node) -> Front:
    made = Front(node)
    await made.start()
    return made


async def test_it_is_loaded_while_haproxy_refuses_the_newer_configuration(front: Front) -> None:
    front.node.daemons.checks[File.HAPROXY] = REFUSED
    front.see("a", RENEWED)
    assert any("unknown keyword" in each for each in await front.install(offered("r2", "a", haproxy="h2")))
    assert front.has(RENEWED) and front.node.daemons.requests == [CHECK, RELOAD]
    assert front.node.live()[File.HAPROXY] == "h1"
    front.node.daemons.requests.clear()
    await front.install(offered("r2", "a", haproxy="h2"))
    assert front.node.daemons.requests == [CHECK], "it is loaded once"


async def test_it_is_loaded_while_another_secret_is_missing(front: Front) -> None:
    front.see("a", RENEWED)
    (message,) = await front.install(offered("r2", "a", "b", haproxy="h2"))
    assert "Secret b" in message and front.has(RENEWED) and front.node.daemons.requests == [RELOAD]
    front.see("b", OTHER)
    assert front.files.changed, "the newer configuration is tried again"
    assert await front.install(offered("r2", "a", "b", haproxy="h2")) == []
    assert front.node.live()[File.HAPROXY] == "h2" and len(list(front.node.paths.certificates.iterdir())) == 2


async def test_a_secret_that_changes_while_the_configuration_is_checked_still_counts_as_changed(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_file: File, _candidate: Path) -> Verdict:
        front.see("a", RENEWED)
        return REFUSED

    monkeypatch.setattr(front.node.daemons, "validate", refuse)
    front.see("a", OTHER)
    await front.install(offered("r2", "a", haproxy="h2"))
    assert front.files.changed


@pytest.mark.parametrize("verdict", [REFUSED, ABSENT], ids=["refused", "absent"])
async def test_one_that_haproxy_does_not_load_is_taken_back(front: Front, verdict: Verdict) -> None:
    front.node.daemons.reloads[File.HAPROXY] = [verdict]
    front.see("a", RENEWED)
    await front.install(offered("r2", "a", "b", haproxy="h2"))
    assert front.has(OLD)
