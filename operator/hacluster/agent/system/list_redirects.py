"""The program `python -m hacluster.agent.system.list_redirects PORTS ADDRESSES`: which ports the node's firewall redirects.

`agent/config/redirects.py` runs it: a large ruleset takes much memory and a tenth of a second to parse, in which the agent itself could
do nothing else. PORTS and ADDRESSES are separated by commas; the answer is a JSON object, port → clause.
"""

import json
import os
import subprocess
import sys
from typing import Final

from hacluster.agent.system.port_redirects import parse_ruleset, redirected

_DEADLINE: Final = 20
"""Seconds for nft."""
_LIMIT: Final = 64 << 20
"""Bytes of a ruleset; a larger one is not looked at."""


def main(ports: str, addresses: str) -> int:
    """Prints the answer; returns the exit code: 1 with a message if the ruleset cannot be read."""
    os.nice(10)
    try:
        listed = subprocess.run(["nft", "-j", "list", "ruleset"], capture_output=True, timeout=_DEADLINE, check=True).stdout
        if len(listed) > _LIMIT:
            raise ValueError(f"the ruleset has {len(listed)} bytes")
        ruleset = parse_ruleset(listed.decode())
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        print(error)
        return 1
    found = {port: redirected(ruleset, int(port), addresses.split(",")) for port in ports.split(",")}
    print(json.dumps({port: owner for port, owner in found.items() if owner}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
