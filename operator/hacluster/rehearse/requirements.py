"""Checks that this machine has what a rehearsal needs: root, commands, and a recent keepalived.

`hacluster rehearse` calls `check_machine` first, so that a missing package is one message and not a failure half-way.
"""

import os
import re
import shutil
import subprocess
from typing import Final

from hacluster.errors import HAClusterError

_PACKAGES: Final = {
    "keepalived": "keepalived", "haproxy": "haproxy", "apache2": "apache2-bin", "nft": "nftables", "ip": "iproute2",
    "killall": "psmisc", "unshare": "util-linux", "nsenter": "util-linux", "setpriv": "util-linux", "perl": "perl-base",
}  # fmt: skip
_SYSTEM: Final = ("/usr/sbin", "/sbin")
_OLDEST_KEEPALIVED: Final = (2, 3, 3)
"""Older versions make two masters while the list of virtual IPs changes."""


class CannotRehearse(HAClusterError):
    """This machine lacks something; the message lists everything that is missing, and how to get it."""


def extend_path() -> None:
    """Adds the directories of Debian's daemons to this process's PATH: a user's may lack them. Its children find them then, too."""
    directories = os.environ.get("PATH", os.defpath).split(os.pathsep)
    os.environ["PATH"] = os.pathsep.join([*directories, *(each for each in _SYSTEM if each not in directories)])


def check_machine(*, certificates: bool = False) -> None:
    """Raises CannotRehearse, with everything that is missing at once; commands are looked for in PATH.

    `certificates`: the lab needs some, which openssl makes.
    """
    missing = []
    needed = _PACKAGES | ({"openssl": "openssl"} if certificates else {})
    if os.geteuid() != 0:
        missing.append("root rights, for namespaces, addresses and raw sockets: run it with sudo")
    if packages := sorted({package for command, package in needed.items() if not shutil.which(command)}):
        missing.append(f"Debian packages: apt-get install {' '.join(packages)}")
    elif (found := keepalived_version()) < _OLDEST_KEEPALIVED:
        missing.append(
            f"keepalived {'.'.join(map(str, _OLDEST_KEEPALIVED))} or newer (Debian 13 has it), and this is {'.'.join(map(str, found))}"
        )
    if missing:
        raise CannotRehearse("this machine cannot rehearse, it lacks\n" + "\n".join(f"  - {each}" for each in missing))


def keepalived_version() -> tuple[int, ...]:
    """The version of the keepalived on this machine, such as (2, 3, 3); () if its output has none."""
    printed = subprocess.run(["keepalived", "--version"], capture_output=True, text=True, check=False, timeout=10)
    found = re.search(r"[Kk]eepalived v(\d+)\.(\d+)\.(\d+)", printed.stdout + printed.stderr)
    return tuple(map(int, found.groups())) if found else ()
