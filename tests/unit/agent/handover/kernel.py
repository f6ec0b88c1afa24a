"""A kernel's nftables and policy routes in memory: shared by the tests of this folder. tests/dataplane has a real kernel."""

import asyncio
import re

from hacluster.agent.handover.forwarding import Forwarding
from hacluster.agent.handover.netfilter import Netfilter
from hacluster.agent.handover.policy_routes import PolicyRoutes
from hacluster.agent.handover.repairs import Part


class FakeNetfilter(Netfilter):
    """Records every script in `scripts`; knows whether the tables are there, and the holders in them.

    As nft, it refuses a script that writes an entry into a table which is not there.
    """

    def __init__(self) -> None:
        self.scripts: list[str] = []
        self.times: list[float] = []
        """When each script came (seconds of the event loop's clock)."""
        self.failure = ""
        """What `nft` answers to every script; empty: it accepts it."""
        self._tables: set[str] = set()
        self._holders: dict[str, str] = {}
        self._generation = 1

    def flush(self) -> None:
        """As `nft flush ruleset`, by another program."""
        self._tables, self._holders = set(), {}
        self._generation += 1

    async def run(self, script: str) -> str:
        self.scripts.append(script)
        self.times.append(asyncio.get_running_loop().time())
        if self.failure:
            return self.failure
        made = set(re.findall(r"^table ip6? (\S+)", script, re.MULTILINE))
        if missing := set(re.findall(r"^(?:add element|flush map) ip6? (\S+)", script, re.MULTILINE)) - made - self._tables:
            return f"Error: No such file or directory: {missing}"
        for verb, name in re.findall(r"^(delete )?table ip6? (\S+)", script, re.MULTILINE):
            (self._tables.discard if verb else self._tables.add)(name)
        if "delete table" in script:
            self._holders = {}
        for name in re.findall(r"flush map \S+ \S+ (\S+)", script):
            self._holders.pop(name, None)
        self._holders |= dict(re.findall(r"add element \S+ \S+ (holder\S+) { \S+ timeout \S+ : (\S+) }", script))
        self._generation += 1
        return ""

    def generation(self) -> int | None:
        return self._generation

    def fingerprint(self, forwarding: Forwarding) -> str | None:
        return "as loaded" if forwarding.name in self._tables else None

    def has_holder(self, forwarding: Forwarding, index: int, slot: int, holder: str) -> bool:
        return self._holders.get(f"holder{slot}_{index}") == holder

    def records_handshakes(self, forwarding: Forwarding, index: int) -> bool:
        return any(each.endswith(f"_{index}") for each in self._holders)

    def has_tables(self, name: str) -> bool:
        return name in self._tables

    @property
    def holders(self) -> list[str]:
        """The earlier holders of the first router, as the kernel has them."""
        return [self._holders[name] for name in sorted(self._holders) if name.endswith("_0")]

    @property
    def empty(self) -> bool:
        """Whether there is no table."""
        return not self._tables


class FakePolicyRoutes(PolicyRoutes):
    """`present`: whether the rules and routes are there. `failure`: raised by `ensure`."""

    def __init__(self) -> None:
        self.present, self.failure = False, ""
        self._installed = False

    def ensure(self, forwarding: Forwarding) -> set[Part]:
        if self.failure:
            raise OSError(self.failure)
        vanished = {Part.RULES} if self._installed and not self.present else set()
        self.present = self._installed = True
        return vanished

    def remove(self, forwarding: Forwarding) -> None:
        self.present = self._installed = False
