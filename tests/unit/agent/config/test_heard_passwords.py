"""An advertisement with another password has the Secret read again."""

import pytest

from hacluster.agent.config.authentication import Passwords
from hacluster.agent.config.bundle import Bundle
from hacluster.agent.config.heard_passwords import HeardPasswords
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.agent.vrrp.authentication import as_sent
from hacluster.agent.vrrp.packet import Advert
from tests.unit.agent.config.authenticated import A, B, offered, store_with


@pytest.mark.parametrize(
    ("loaded", "heard", "version", "router", "read"),
    [
        (A, B, 2, "VI_1", True),
        (A, "", 2, "VI_1", True),
        (A, A, 2, "VI_1", False),
        (A, "", 3, "VI_1", False),
        (A, B, 2, "VI_9", False),
        ("", B, 2, "VI_1", False),
        (None, B, 2, "VI_1", False),
    ],
)
def test_the_secret_is_read_again_where_another_password_is_heard(
    loaded: str | None, heard: str, version: int, router: str, read: bool
) -> None:
    """Without a Secret in the loaded files (`loaded` is empty, or None: there are no files) there is none to read."""
    good: Bundle | None = None
    if loaded is not None:
        good, unknown = Passwords(store_with(A)).complete(offered(secret="vrrp" if loaded else ""), None)
        assert not unknown
    adverts, again = LastAdverts(), list[str]()
    HeardPasswords(lambda: good, adverts, again.append)
    advert = Advert(
        "172.16.7.163", version, 51, 100, 1000, ("172.16.7.200",), "ens3", authentication=as_sent(heard) if version == 2 else b""
    )
    adverts.record(router, advert, 1.0)
    assert again == (["vrrp"] if read else [])
