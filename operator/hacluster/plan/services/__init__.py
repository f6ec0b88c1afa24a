"""Services of type LoadBalancer: which become listeners of a resource, and what their status says. Pure.

- `model.py` – a Service as far as it matters here, and what became of it.
- `allowed.py` – whose Services a resource serves.
- `binding.py` – the listeners that the ports of the Services become, and why a port becomes none.
- `service_status.py` – the status of such a Service, and its Event.
"""
