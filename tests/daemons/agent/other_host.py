"""Another host on the node's segment: a container with the other end of the node's interface, and a real network stack."""

import uuid
from dataclasses import dataclass, field

from hacluster import names
from tests.cluster import engine
from tests.daemons.agent.node import REPOSITORY, Node
from tests.daemons.agent.wanted import VIP
from tests.waiting import eventually

OTHER_IP = "172.16.7.99"
_PID_FILE = f"{names.RUN_DIR}/first"

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
  {unicast}
  {authentication}
  virtual_ipaddress {{
    {vip}/{prefix}
  }}
}}
"""


@dataclass
class OtherHost:
    """It shares the node's process ids, so that the node can move an interface to it by the id of its first process."""

    node: Node
    name: str = field(default_factory=lambda: f"hacluster-other-host-test-{uuid.uuid4().hex[:8]}")

    def up(self) -> None:
        """Starts the container, and connects it to the node's segment with an address of its own."""
        engine(
            "run", "--detach", "--name", self.name, "--network", "none", "--pid", f"container:{self.node.name}",
            "--read-only", "--read-only-tmpfs=false", "--tmpfs", names.RUN_DIR, "--tmpfs", "/log",
            "--cap-add", "NET_ADMIN,NET_RAW",
            "--volume", f"{REPOSITORY / 'operator'}:/source:ro",
            "--entrypoint", "sh", self.node.image, "-c", f"echo $$ >{_PID_FILE}; exec sleep infinity",
        )  # fmt: skip
        pid = eventually(self._first_process, within=10)
        self.node.run("ip", "link", "set", "peer0", "netns", pid)
        for command in ("link set peer0 name eth0", "link set eth0 up", f"addr add {OTHER_IP}/24 dev eth0"):
            self.run("ip", *command.split())

    def down(self) -> None:
        """Removes the container."""
        engine("rm", "--force", "--time", "0", self.name, check=False)

    def run(self, *argv: str, check: bool = True) -> str:
        """Runs a command on this host and returns its output."""
        return engine("exec", self.name, *argv, check=check, timeout=60).stdout

    def start(self, name: str, *argv: str) -> None:
        """Starts a daemon; its output goes to /log/NAME."""
        engine("exec", "--detach", self.name, "sh", "-c", f'exec "$@" >/log/{name} 2>&1', "sh", *argv)

    def mac(self) -> str:
        """The MAC of its interface."""
        return self.run("cat", "/sys/class/net/eth0/address").strip()

    def add_address(self, address: str) -> None:
        """Gives the host an address, for which its kernel answers."""
        self.run("ip", "addr", "add", _host_prefix(address), "dev", "eth0", *(["nodad"] if ":" in address else []))

    def delete_address(self, address: str) -> None:
        """Removes the address from the host."""
        self.run("ip", "addr", "del", _host_prefix(address), "dev", "eth0")

    def start_keepalived(
        self,
        *,
        priority: int = 50,
        version: int = 3,
        interval: str = "0.1",
        vip: str = VIP,
        prefix: int = 24,
        unicast_peer: str = "",
        password: str = "",
    ) -> None:
        """Starts a VRRP router with the node's virtual router ID. On return it is Master. `password`: of version 2; empty: none."""
        authentication = f'authentication {{\n    auth_type PASS\n    auth_pass "{password}"\n  }}' if password else ""
        unicast = f"unicast_src_ip {OTHER_IP}\n  unicast_peer {{\n    {unicast_peer}\n  }}" if unicast_peer else ""
        text = _KEEPALIVED.format(
            priority=priority,
            version=version,
            interval=interval,
            vip=vip,
            prefix=prefix,
            unicast=unicast,
            authentication=authentication,
        )
        conf = f"{names.RUN_DIR}/other.conf"
        engine("exec", "--interactive", self.name, "sh", "-c", f"cat >{conf}", input=text)
        pids = [f for name, flag in (("k", "-p"), ("v", "-r"), ("b", "-b")) for f in (flag, f"{names.RUN_DIR}/{name}.pid")]
        self.start("keepalived", "keepalived", "-n", "-l", "-D", "-P", "-f", conf, *pids)
        eventually(lambda: self._assert_master(vip), within=15)

    def stop_keepalived(self) -> None:
        """Ends keepalived gracefully: it sends an advertisement with priority 0."""
        self.run("sh", "-c", f"kill $(cat {names.RUN_DIR}/k.pid)")

    def kill_keepalived(self) -> None:
        """Kills keepalived: it sends no more advertisements, and the kernel keeps the virtual IP.

        Both processes are stopped first: on a busy machine the VRRP process otherwise notices that its parent is gone, and sends
        priority 0, before it is killed itself.
        """
        pids = f"$(cat {names.RUN_DIR}/k.pid {names.RUN_DIR}/v.pid)"
        self.run("sh", "-c", f"kill -STOP {pids}; kill -KILL {pids}")

    def _first_process(self) -> str:
        pid = self.run("cat", _PID_FILE, check=False).strip()
        assert pid, "the other host does not run yet"
        return pid

    def _assert_master(self, vip: str) -> None:
        assert f" {vip}/" in self.run("ip", "addr", "show", "dev", "eth0"), self.run("cat", "/log/keepalived")


def _host_prefix(address: str) -> str:
    """The address with the prefix length of a single host."""
    return f"{address}/{128 if ':' in address else 32}"
