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
track_file haproxy {{
  file {track}
  weight 0
}}
vrrp_instance VI_1 {{
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority {priority}
  advert_int 0.1
  virtual_ipaddress {{
    {vip}/24
  }}
  track_file {{
    haproxy
  }}
}}
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

    `text` is HAProxy's answer to every request; `more` and `keepalived_more` are added to the files, for example as errors.
    """

    revision: str = "r1"
    priority: int = 101
    text: str = "one"
    more: str = ""
    keepalived_more: str = ""
    http_check: bool = True
    neighbours: tuple[str, ...] = ()
    ports: tuple[Port, ...] = (Port(port=80, field="spec.haproxy.listeners[0].port"),)

    def files(self) -> dict[File, str]:
        """The text of each file."""
        keepalived = KEEPALIVED.format(fifo=names.NOTIFY_FIFO, track=names.TRACK_HAPROXY, priority=self.priority, vip=VIP)
        haproxy = HAPROXY.format(
            admin=names.HAPROXY_ADMIN_SOCKET,
            health=names.HAPROXY_HEALTH_SOCKET,
            path=names.HEALTH_PATH,
            more=self.more,
            text=self.text,
        )
        router = Router(
            name="VI_1",
            interface="eth0",
            priority=self.priority,
            virtual_router_id=51,
            virtual_ips=(f"{VIP}/24",),
            neighbours=self.neighbours,
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
