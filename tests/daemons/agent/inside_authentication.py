"""Runs on the node: what keepalived really sends as authentication data, and what it says of it.

sent SECONDS    The VRID and the authentication data of every version-2 advertisement that leaves eth0 in this time, as JSON, each once.
literal TEXT    Runs a keepalived with an instance for each password in the JSON list TEXT; prints those that are sent or dumped otherwise.
"""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from hacluster.agent.config.settings import from_dump, from_file
from hacluster.agent.keepalived.process import Keepalived
from hacluster.agent.paths import Paths
from hacluster.agent.vrrp.authentication import as_sent, with_password
from hacluster.agent.vrrp.packet import PROTOCOL, parse_ipv4
from hacluster.names import authentication_marker

_OUTGOING = 4  # PACKET_OUTGOING, linux/if_packet.h
_IPV4 = 0x0800
_PID_FILES = (("-p", "keepalived.pid"), ("-r", "v.pid"), ("-b", "b.pid"))
_INSTANCE = """\
vrrp_instance VI_{number} {{
    interface eth0
    state MASTER
    virtual_router_id {number}
    priority 255
    advert_int 1
    {marker}
    virtual_ipaddress {{
        172.16.8.{number}/32
    }}
}}
"""


def sent(seconds: float) -> set[tuple[int, bytes]]:
    """VRID and authentication data of what this host sends."""
    found, until = set(), time.monotonic() + seconds
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3)) as listening:  # ETH_P_ALL: outgoing ones too
        listening.bind(("eth0", 3))
        listening.settimeout(0.2)
        while time.monotonic() < until:
            try:
                packet, (_, protocol, kind, *_) = listening.recvfrom(2048)
            except TimeoutError:
                continue
            if kind == _OUTGOING and protocol == _IPV4 and len(packet) > 9 and packet[9] == PROTOCOL:
                advert = parse_ipv4(packet, "eth0")
                if advert is not None and advert.version == 2:
                    found.add((advert.virtual_router_id, advert.authentication))
    return found


def literal(passwords: list[str]) -> list[str]:
    """The passwords that keepalived does not send, or does not say, as they are written."""
    text = "global_defs {\n    vrrp_version 2\n}\n"
    for number, password in enumerate(passwords, 1):
        text += with_password(_INSTANCE.format(number=number, marker=authentication_marker("a", "b")), password)
    with TemporaryDirectory(dir="/run/hacluster") as folder:
        paths = Paths(run=Path(folder))
        conf = Path(folder, "keepalived.conf")
        conf.write_text(text)
        pids = [part for flag, name in _PID_FILES for part in (flag, str(Path(folder, name)))]
        argv = ["keepalived", "-n", "-l", "-P", "-f", str(conf), *pids]
        checked = subprocess.run(["keepalived", "-t", "-f", str(conf)], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr + checked.stdout
        with subprocess.Popen(argv, env={"TMPDIR": folder, "PATH": "/usr/sbin:/usr/bin"}) as running:
            try:
                found = dict(sent(8))
                dumped, wanted = from_dump(asyncio.run(Keepalived(paths).dump())), from_file(text)
            finally:
                running.send_signal(signal.SIGTERM)
    return [
        password
        for number, password in enumerate(passwords, 1)
        if found.get(number) != as_sent(password) or dumped[f"VI_{number}"] != wanted[f"VI_{number}"]
    ]


match sys.argv[1:]:
    case ["sent", seconds]:
        print(json.dumps(sorted([vrid, data.decode("latin-1")] for vrid, data in sent(float(seconds)))))
    case ["literal", passwords]:
        print(json.dumps(literal(json.loads(passwords))))
