"""What the operator would deliver to the node: the configuration files of a `Wanted`, written by hand so that tests can vary them."""

from dataclasses import dataclass

from hacluster import names
from hacluster.nodeconfig import AgentConfig, File, Port, Router

VIP = "172.16.7.200"

KEEPALIVED = """\
global_defs {{
  router_id node1
  script_user root
  enable_script_security
  vrrp_version 3
  vrrp_notify_fifo {fifo}
}}
{check}
vrrp_instance VI_1 {{
  state BACKUP
  interface {interface}
  virtual_router_id 51
  priority {priority}
  advert_int {interval}
  virtual_ipaddress {{
    {vip}/24 dev eth0
  }}
  {track}
}}
"""

CHECK_HTTP = f"""\
track_file haproxy {{
  file {names.TRACK_HAPROXY}
  weight 0
  init_file 1
}}
"""

CHECK_PROCESS = """\
vrrp_script chk_haproxy {
  script "/usr/bin/killall -0 haproxy"
  interval 1
  weight 2
}
"""

HAPROXY = """\
global
  user haproxy
  group haproxy
  stats socket {admin} mode 600 level admin
  hard-stop-after 5s
defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 1s
frontend health
  bind unix@{health} mode 600
  acl configuration path -f opt@{file}
  http-request return status 200 if {{ path {path} }}
  http-request return status 404
frontend web
  bind *:80
  {more}
  http-request return status 200 content-type text/plain string {text}
"""


@dataclass(frozen=True)
class Wanted:
    """What the operator would put into the node's ConfigMap.

    `text` is HAProxy's answer to every request; `http_check` chooses the check type, HTTP or Process.
    `more` and `keepalived_more` are added to the files, for example as errors;
    `keepalived_tracks` is a file that keepalived tracks besides. The virtual IP is on eth0, also where VRRP speaks on another interface.
    """

    revision: str = "r1"
    priority: int = 101
    interval_ms: int = 100
    text: str = "one"
    more: str = ""
    keepalived_more: str = ""
    keepalived_tracks: str = ""
    http_check: bool = True
    interface: str = "eth0"
    neighbours: tuple[str, ...] = ()
    ports: tuple[Port, ...] = (Port(port=80, field="spec.haproxy.listeners[0].port"),)

    def files(self) -> dict[File, str]:
        """The text of each file."""
        other = f"track_file other {{\n file {self.keepalived_tracks}\n weight 0\n}}\n" if self.keepalived_tracks else ""
        files = " ".join(filter(None, ("haproxy" if self.http_check else "", "other" if other else "")))
        keepalived = KEEPALIVED.format(
            fifo=names.NOTIFY_FIFO,
            check=(CHECK_HTTP if self.http_check else CHECK_PROCESS) + other,
            track="track_file {\n" + files.replace(" ", "\n") + "\n}" if files else "track_script {\n chk_haproxy\n}",
            priority=self.priority,
            interval=f"{self.interval_ms / 1000:g}",
            vip=VIP,
            interface=self.interface,
        )
        haproxy = HAPROXY.format(
            admin=names.HAPROXY_ADMIN_SOCKET,
            health=names.HAPROXY_HEALTH_SOCKET,
            path=names.HEALTH_PATH,
            file=names.HAPROXY_CFG,
            more=self.more,
            text=self.text,
        )
        router = Router(
            name="VI_1",
            interface=self.interface,
            address_interface="" if self.interface == "eth0" else "eth0",
            priority=self.priority,
            virtual_router_id=51,
            virtual_ips=(f"{VIP}/24",),
            neighbours=self.neighbours,
            advertisement_interval_ms=self.interval_ms,
        )
        agent = AgentConfig(
            cluster="web",
            namespace="default",
            node="node1",
            revision=self.revision,
            routers=(router,),
            http_check=self.http_check,
            ports=self.ports,
            all_virtual_ips=(VIP,),
        )
        return {File.KEEPALIVED: keepalived + self.keepalived_more, File.HAPROXY: haproxy, File.AGENT: agent.model_dump_json()}
