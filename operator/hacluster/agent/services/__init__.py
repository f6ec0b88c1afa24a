"""The endpoints of Services as servers of HAProxy: everything that is decided, without the parts that talk to something. Pure but the last.

In the order in which data passes through the files:

- `view.py` – what of a Service and its EndpointSlices matters here; it is also what a restarted agent remembers.
- `objects.py` – reads both from the API server's objects, and keeps them while events arrive.
- `endpoints.py` – which of the endpoints get requests, and which only finish what they have.
- `lines.py` – the endpoints as `server` lines of haproxy.cfg, for a HAProxy that starts or reloads.
- `commands.py` – what HAProxy has to be told at run time so that its servers are the endpoints.
- `source.py` – where the objects come from: the API server (`status/services.py`), or a file without one.

`haproxy/service_monitor.py` follows a source, and `haproxy/service_servers.py` changes HAProxy's servers. Why they come and go by the
runtime API, and why haproxy.cfg has them, too: docs/decisions/0045.
"""
