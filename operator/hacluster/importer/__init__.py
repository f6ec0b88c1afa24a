"""Turns hand-made files, one keepalived.conf a node and a haproxy.cfg, into one resource. Pure: texts in, a resource and findings out.

Every directive ends as carried over, as the operator's own, as a note (its meaning changes) or as a loss (there is no field).

Shared:
- `findings.py` – what became of each directive: the ledger, notes and losses.
- `secrets.py` – shows directives without the passwords in them.

haproxy.cfg, from the lines to the fields:
- `words.py` – a line's words, with quotes and escapes.
- `haproxy_sections.py` – sections, and what they inherit from `defaults`.
- `haproxy_values.py` – times, numbers, parameters.
- `haproxy_global.py` – `global`, logs, name servers, and what the operator decides by itself.
- `haproxy_secrets.py` – the Secrets that passwords and files become.
- `haproxy_timeouts.py` – timeouts, and which of them all listeners have.
- `haproxy_bind_tls.py` – TLS with clients.
- `haproxy_binds.py` – addresses and ports.
- `haproxy_conditions.py` – `acl`, `if` and `unless`.
- `haproxy_routes.py` – `use_backend` and `default_backend`.
- `haproxy_requests.py` – headers, and who is admitted.
- `haproxy_server_tls.py` – TLS with servers.
- `haproxy_servers.py` – `server` lines.
- `haproxy_check_tls.py` – how checks connect, also over TLS.
- `http_checks.py`, `check_dialogues.py`, `haproxy_checks.py` – health checks: of HTTP, of dialogues, and all of them.
- `haproxy_groups.py` – all that a section says of its servers.
- `haproxy_route_fields.py` – routes as fields, and what only a listener has.
- `haproxy_listeners.py` – sections joined into listeners.
- `haproxy_redirects.py` – plain ports that only redirect to TLS.
- `haproxy_stats.py` – the statistics page.
- `haproxy.py` – all of `spec.haproxy`.

keepalived.conf:
- `keepalived_syntax.py` – blocks, includes, variables, lines for single nodes.
- `keepalived_scripts.py` – tracked scripts that become the check of HAProxy.
- `keepalived_instances.py` – the instances of one node.
- `keepalived_priorities.py` – priorities of the nodes.
- `keepalived_groups.py` – groups of instances that move together.
- `keepalived_authentication.py` – passwords of advertisements, which become a Secret.
- `keepalived_vrrp.py` – what all instances have alike.
- `keepalived.py` – virtual routers and nodes.

Together:
- `resource.py` – the resource without defaults, checked by the models.
- `convert.py` – the whole import.
"""

from hacluster.importer.convert import Imported, Texts, import_files
from hacluster.importer.findings import Finding, Severity, losses

__all__ = ["Finding", "Imported", "Severity", "Texts", "import_files", "losses"]
