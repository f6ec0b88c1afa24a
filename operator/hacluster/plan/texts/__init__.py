"""The files of each node: pure functions from the resource and the topology to text.

The files, in the order in which data passes through them:

- `templates/` – one Jinja2 template for each daemon's configuration file.
- `rendering.py` – fills a template, and refuses a value that would change the meaning of a line.
- `keepalived.py` – keepalived.conf.
- `stats.py` – who may reach the statistics page, where it is limited to an interface.
- `haproxy_servers.py` – what haproxy.cfg says of a group of servers: how one is chosen, how they are checked, the `server` lines.
- `haproxy_server_tls.py` – what these lines say of TLS.
- `haproxy_requests.py` – which headers it changes, and which requests go to which route.
- `haproxy_listeners.py` – the sections of a listener and its routes.
- `haproxy.py` – haproxy.cfg as a whole.
- `apache.py` – httpd.conf and the start page.
- `rsyslog.py` – rsyslog.conf, for the log target File.
- `agentconfig.py` – agent.json, the agent's configuration.
- `revision.py` – the hash over a node's files, which is stored in its agent.json.
- `advert_settings.py` – the settings that all nodes must share to understand each other's advertisements.
"""
