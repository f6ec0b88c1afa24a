"""Whole resources that replace each other in one apply: the samples of manifests/samples, and some that differ in what VRRP sends."""

import os
from pathlib import Path
from typing import Any

import yaml

from .edits import Spec, edited
from .fields import BASE

_FILES = Path(os.environ.get("SAMPLES", "/samples"))

UNIVERSE: dict[str, Any] = {
    "nodeSelector": {"hacluster.dev/cluster": "web"},
    "nodes": [{"name": f"node{number}", "backendAddress": f"192.168.60.2{number}0"} for number in (1, 2, 3)],
    "virtualRouters": [
        {"virtualIPs": ["172.16.7.200/24", "172.16.7.201/24", "172.16.7.202/24"], "interface": "ens3"},
        {"virtualIPs": ["2001:db8:16::200/64"], "interface": "ens3"},
    ],
    "haproxy": {
        "listeners": [
            {
                "name": "web",
                "port": 80,
                "backend": {
                    "servers": [
                        {"name": f"s{host}-{port}", "address": f"192.168.60.{host}", "port": port}
                        for host in (91, 92, 93)
                        for port in (9000, 9001)
                    ]
                },
            },
            *(
                {"name": f"{name}-{port}", "port": 100 * number + port, "backend": {"service": {"name": name, "port": port}}}
                for number, name in enumerate(("shop", "blog"), 1)
                for port in (80, 81)
            ),
        ]
    },
}
"""What a lab needs in order to run any resource of the walk: its networks, addresses, and the user's own servers."""
MORE_VIRTUAL_IPS = ("192.168.60.200/24",)


def samples() -> dict[str, Spec]:
    """Specs by name."""
    files = {name: yaml.safe_load((_FILES / f"{name}.yaml").read_text())["spec"] for name in ("minimal", "fast", "tutorial")}
    drain = {"vrrp.handover.drain": "2s"}
    return {
        **{name: edited(spec, drain) for name, spec in files.items()},
        "unicast": edited(BASE, {"vrrp.peering": "Unicast"}),
        "ipv6": edited(BASE, {"virtualRouters": [{"virtualIPs": ["2001:db8:16::200/64"]}]}),
        "dual": edited(BASE, {"virtualRouters": [{"virtualIPs": ["172.16.7.200/24"]}, {"virtualIPs": ["2001:db8:16::200/64"]}]}),
    }


PAIRS = (
    ("tutorial", "minimal"), ("minimal", "fast"), ("fast", "tutorial"), ("minimal", "unicast"), ("unicast", "tutorial"),
    ("fast", "unicast"), ("minimal", "dual"), ("dual", "ipv6"), ("ipv6", "minimal"), ("unicast", "dual"),
)  # fmt: skip
"""Each is played there and back."""
