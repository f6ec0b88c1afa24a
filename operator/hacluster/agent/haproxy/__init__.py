"""HAProxy and Apache on this node: health checks, commands to the running HAProxy, and lost servers.

The files in the order in which data passes through them:

- `probe.py` – one HTTP check of HAProxy over a standing connection.
- `health.py` – decides from the results of the checks whether HAProxy is up or down (pure).
- `holddown.py` – how long a HAProxy that crashed several times must answer before its node is fit again (pure).
- `monitor.py` – runs the checks, writes keepalived's track file and updates the agent's state.
- `apache.py` – checks this node's Apache, for the status only.
- `commands.py` – the commands of HAProxy's runtime API that the agent uses, and how their answers are read.
- `loaded.py` – which configuration HAProxy's running worker has read (pure).
- `server_states.py` – which states of servers HAProxy's new process takes over in a reload (pure).
- `backends.py` – HAProxy's statistics as the listeners' entries in the status, and which servers were never checked (pure).
- `check_gate.py` – decides how long a HAProxy that has just started must not take virtual IPs (pure).
- `backend_monitor.py` – asks HAProxy for its servers, and updates the agent's state.
- `endpoint_lines.py` – the endpoints of Services, as the state has them, for haproxy.cfg and for the counts of servers.
- `service_monitor.py` – keeps the state's Services equal to the API server's.
- `service_servers.py` – makes HAProxy's servers equal to the endpoints of Services while it runs.
- `secret_monitor.py` – follows the Secrets that the configuration names, and reports what is wrong with them.
- `credential_digests.py` – keeps HAProxy's digests of user names and passwords equal to the Secrets.
- `peers.py` – finds lost nodes by ARP or neighbour discovery.
- `endpoint_probes.py` – asks the endpoints of a silent node whether anybody answers there.
- `lost_servers.py` – takes the servers of lost nodes out of HAProxy's rotation.
"""
