"""Resources in which an address cannot be what it is used for. As in `bad_examples.py`, `parse` and a real API server must reject each."""

from tests.unit.api.bad_examples import Bad
from tests.unit.api.examples import server

_VIP = "spec.virtualRouters[0].virtualIPs"
_BACKEND = "spec.haproxy.listeners[0].backend"

BAD_ADDRESSES = [
    *(
        Bad({f"{_VIP}[0]": vip}, f"{_VIP}[0]", "reserved")
        for vip in ("172.16.7.0/24", "172.16.7.255/24", "172.31.255.255/12", "10.0.0.3/30", "191.255.255.255/2", "2001:db8::/64")
    ),
    Bad(
        {"spec.nodes[0]": {"name": "a", "backendAddress": "172.16.7.200"}}, f"{_VIP}[0]", "backendAddress", "spec.virtualRouters"
    ),
    Bad(
        {
            "spec.vrrp": {"version": 2, "advertisementInterval": "41s"},
            "spec.virtualRouters[1]": {"virtualIPs": ["2001:db8::200/64"]},
        },
        "spec.vrrp.advertisementInterval",
        "IPv6 virtual routers speak VRRP version 3",
    ),
]

LOOPS = [
    Bad(
        {_BACKEND: {"servers": [server("a"), server("b") | {"address": each, "port": 80}]}},
        f"{_BACKEND}.servers[1]",
        "in a circle",
    )
    for each in ("172.16.7.200", "127.0.0.1", "0.0.0.0", "::1")
]
"""Only `parse` rejects these: the rule would exceed the API server's cost limit, so the operator reports them in the condition Accepted."""

NOT_RESERVED = (
    "172.16.7.0/31",
    "172.16.7.255/32",
    "172.16.7.255/16",
    "255.255.255.254/31",
    "2001:db8::/127",
    "2001:db8::ffff/112",
)
"""Virtual IPs that are no reserved address of their own prefix, although they look like one."""
