"""keepalived's settings in its dump (of keepalived 2.3.3) and in its file."""

import json

import pytest

from hacluster.agent.config.settings import from_dump, from_file

FILE = """\
global_defs {
    vrrp_version 3
}
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priority 101
    advert_int 0.1
    virtual_ipaddress {
        172.16.7.200/24
        2001:db8::1/64 preferred_lft 0
    }
}
"""
DUMP = json.loads(
    '[{"data":{"iname":"VI_1","ifp_ifname":"eth0","vrid":51,"base_priority":101,"effective_priority":81,"adver_int":0.1,"version":3,'
    '"vips":["172.16.7.200\\/24 dev eth0 scope global","2001:db8::1\\/64 dev eth0 scope global deprecated"]}}]'
)


def test_a_keepalived_that_has_read_the_file_has_its_settings() -> None:
    assert from_dump(DUMP) == from_file(FILE) == from_dump({"vrrp": DUMP})


@pytest.mark.parametrize(
    ("old", "new"),
    [("51", "52"), ("101", "102"), ("0.1", "0.2"), ("version 3", "version 2"), ("7.200", "7.201"), ("VI_1", "VI_2")],
)
def test_another_file_has_other_settings(old: str, new: str) -> None:
    assert from_dump(DUMP) != from_file(FILE.replace(old, new))
