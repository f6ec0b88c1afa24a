"""A node whose keepalived.conf gets the password of a Secret, with what its agent has seen of Secrets."""

import base64
from datetime import UTC, datetime

from hacluster import names
from hacluster.agent.config.authentication import Passwords
from hacluster.agent.config.bundle import Bundle, parse_bundle
from hacluster.agent.config.install import Installer
from hacluster.agent.secrets.certificate_files import CertificateFiles
from hacluster.agent.secrets.store import SecretStore, Seen
from hacluster.agent.vrrp.authentication import password_in
from hacluster.nodeconfig import Authentication, File, Router
from tests.unit.agent.config.node import Node, bundle
from tests.unit.agent.config.test_turn import VRID_51, Segment

FIELD = "spec.vrrp.authenticationSecret"
NOW = datetime.now(UTC)
A, B = "planted1", "planted2"


def marked(secret: str = "vrrp", key: str = "password") -> str:
    """keepalived.conf of the tutorial with the operator's marker."""
    return VRID_51.replace("    advert_int 1\n", f"    advert_int 1\n    {names.authentication_marker(secret, key)}\n")


def offered(revision: str = "r1", secret: str = "vrrp", key: str = "password") -> Bundle:
    """What the operator offers; without `secret` there is no authentication."""
    made = bundle(revision, keepalived=marked(secret, key) if secret else VRID_51)
    router = Router(
        name="VI_1", interface="ens3", priority=101, virtual_router_id=51, virtual_ips=("172.16.7.200/24",), version=2
    )
    wanted = Authentication(name=secret, key=key, field=FIELD) if secret else None
    agent = made.config.model_copy(update={"authentication": wanted, "routers": (router,)})
    return parse_bundle({**made.texts, File.AGENT: agent.model_dump_json()})


def store_with(value: str) -> SecretStore:
    """What an agent has seen that knows the Secret."""
    store = SecretStore()
    store.put("vrrp", Seen({"password": base64.b64encode(value.encode()).decode()}))
    return store


class Front:
    """A node with the Secrets that its agent has seen."""

    def __init__(self, node: Node) -> None:
        self.node, self.store, self.segment = node, SecretStore(), Segment(holds=True)
        self.restart()

    def restart(self, *, forget: bool = False) -> None:
        if forget:
            self.store = SecretStore()
        self.passwords = Passwords(self.store)
        self.installer = Installer(
            self.node.paths,
            self.node.daemons,
            lambda: self.node.listeners,
            turn=self.segment.turn,
            certificates=CertificateFiles(self.node.paths, self.store),
            passwords=self.passwords,
        )

    def see(self, value: str | None, name: str = "vrrp", key: str = "password") -> None:
        data = {key: base64.b64encode(value.encode()).decode()} if value is not None else None
        self.store.put(name, Seen(data) if data is not None else Seen(error="there is none; create it"))

    async def install(self, new: Bundle) -> list[str]:
        """The problems' messages."""
        return [each.message for each in (await self.installer.install(new)).problems]

    def loaded(self) -> str:
        return password_in(self.node.daemons.running[File.KEEPALIVED])

    def problems(self) -> list[tuple[str, str]]:
        config = self.installer.good.config if self.installer.good else None
        return [(each.reason, each.message) for each in self.passwords.problems(config, NOW)]
