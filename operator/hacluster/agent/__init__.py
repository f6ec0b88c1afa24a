"""The node agent: one asyncio process in each load balancer pod, next to keepalived and HAProxy.

Configuration flows down: ConfigMap → `config` → keepalived and HAProxy. Observations flow up: keepalived's FIFO, netlink and
sockets → `state` → `status` → API server. Every part reads and updates one `state.AgentState`; pure decisions and
input/output are in separate functions. A module imports only from the lines below its own line (import-linter checks this):

- `run.py` – creates all parts and runs them under the supervisor.
- `config/` – installs the files of the mounted ConfigMap, and reloads the daemons.
- `status/` – builds this node's entry of `status.nodes`, publishes it, and renews the node's Lease.
- `haproxy/` – checks HAProxy and Apache, takes down servers on nodes that failed, and has servers follow the endpoints of Services.
- `handover/` – planned moves: yields the virtual IPs, drains, and forwards the connections that are still open.
- `neighbours/` – ARP and IPv6 neighbour discovery: finds foreign claims to a virtual IP.
- `keepalived/` – its processes, its notifications, its track files, and the addresses that it leaves behind.
- `vrrp/` – receives the other nodes' advertisements, finds anomalies, and times takeovers.
- `network_monitor.py` – keeps the state's links and addresses equal to the kernel's.
- `supervisor.py` – runs the parts side by side, and starts a failed one again.
- `state.py` – the one record of what was observed; wakes those that wait for a change.
- `services/` – the endpoints of Services as servers of HAProxy (what is decided about them).
- `secrets/` – the certificates that HAProxy serves and the passwords for which it asks, from Secrets.
- `paths.py` – where the files and sockets are.
- `system/` – netlink, processes, TCP sockets, commands, files, clock.

keepalived, HAProxy and the API server may come and go: the agent runs without any of them. It imports no Kubernetes client,
no netlink library and no HTTP client library: it needs little of what they offer, and all of it has to fit into 50 MB of memory
(docs/decisions/0003-agent-libraries.md).
"""
