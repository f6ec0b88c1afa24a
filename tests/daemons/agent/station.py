"""Another machine on the node's segment: a container whose card is the other end of the node's, with a kernel's own answers."""

import uuid
from dataclasses import dataclass, field

from hacluster import names
from tests.cluster import engine
from tests.daemons.agent.node import REPOSITORY, VIP, Node
from tests.waiting import eventually

OTHER = "172.16.7.99"
_PID = f"{names.RUN_DIR}/first"

_KEEPALIVED = """\
global_defs {{
  vrrp_version {version}
}}
vrrp_instance VI_1 {{
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority {priority}
  advert_int {interval}
  virtual_ipaddress {{
    {vip}/{prefix}
  }}
}}
"""


@dataclass
class Station:
    """It shares the node's process numbers, so that the node can give it the card."""

    node: Node
    name: str = field(default_factory=lambda: f"hacluster-station-test-{uuid.uuid4().hex[:8]}")

    def up(self) -> None:
        """On the segment, with an address of its own."""
        engine(
            "run", "--detach", "--name", self.name, "--network", "none", "--pid", f"container:{self.node.name}",
            "--read-only", "--read-only-tmpfs=false", "--tmpfs", names.RUN_DIR, "--tmpfs", "/log",
            "--cap-add", "NET_ADMIN,NET_RAW",
            "--volume", f"{REPOSITORY / 'operator'}:/source:ro",
            "--entrypoint", "sh", self.node.image, "-c", f"echo $$ >{_PID}; exec sleep infinity",
        )  # fmt: skip
        pid = eventually(self._first_process, within=10)
        self.node.run("ip", "link", "set", "peer0", "netns", pid)
        for command in ("link set peer0 name eth0", "link set eth0 up", f"addr add {OTHER}/24 dev eth0"):
            self.run("ip", *command.split())

    def down(self) -> None:
        """Removes it."""
        engine("rm", "--force", "--time", "0", self.name, check=False)

    def run(self, *argv: str, check: bool = True) -> str:
        """Runs a command there."""
        return engine("exec", self.name, *argv, check=check, timeout=60).stdout

    def start(self, name: str, *argv: str) -> None:
        """Starts a daemon; what it says goes to /log/NAME."""
        engine("exec", "--detach", self.name, "sh", "-c", f'exec "$@" >/log/{name} 2>&1', "sh", *argv)

    def mac(self) -> str:
        """Of its card."""
        return self.run("cat", "/sys/class/net/eth0/address").strip()

    def take(self, address: str) -> None:
        """Its kernel has the address."""
        self.run("ip", "addr", "add", _alone(address), "dev", "eth0", *(["nodad"] if ":" in address else []))

    def drop(self, address: str) -> None:
        """And has it no more."""
        self.run("ip", "addr", "del", _alone(address), "dev", "eth0")

    def start_keepalived(
        self, *, priority: int = 50, version: int = 3, interval: str = "0.1", vip: str = VIP, prefix: int = 24
    ) -> None:
        """A VRRP router with the node's VRID; on return it is Master."""
        text = _KEEPALIVED.format(priority=priority, version=version, interval=interval, vip=vip, prefix=prefix)
        conf = f"{names.RUN_DIR}/other.conf"
        engine("exec", "--interactive", self.name, "sh", "-c", f"cat >{conf}", input=text)
        pids = [f for name, flag in (("k", "-p"), ("v", "-r"), ("b", "-b")) for f in (flag, f"{names.RUN_DIR}/{name}.pid")]
        self.start("keepalived", "keepalived", "-n", "-l", "-D", "-P", "-f", conf, *pids)
        eventually(lambda: self._assert_master(vip), within=15)

    def stop_keepalived(self) -> None:
        """In order: its last word is priority 0."""
        self.run("sh", "-c", f"kill $(cat {names.RUN_DIR}/k.pid)")

    def kill_keepalived(self) -> None:
        """Without a word, and its kernel keeps the address."""
        self.run("sh", "-c", f"kill -9 $(cat {names.RUN_DIR}/k.pid {names.RUN_DIR}/v.pid)")

    def _first_process(self) -> str:
        pid = self.run("cat", _PID, check=False).strip()
        assert pid, "the station does not run yet"
        return pid

    def _assert_master(self, vip: str) -> None:
        assert f" {vip}/" in self.run("ip", "addr", "show", "dev", "eth0"), self.run("cat", "/log/keepalived")


def _alone(address: str) -> str:
    return f"{address}/{128 if ':' in address else 32}"
