"""The node agent: what one node is told (configuration), what is true on it (facts, health, VRRP), and who hears of it (report).

One asyncio process in each load balancer pod. Pure decisions and the parts that talk to something are kept apart: every
part reads and updates one `state.AgentState`, and `run.run` starts them under one supervisor. The agent has no need of
keepalived, HAProxy, or the API server being there: each may come and go.

It imports neither a Kubernetes client nor a netlink library nor an HTTP client library: two PATCH requests, two netlink
dumps and one HTTP check cost less than any of them does in memory, and the whole agent has to stay below 50 MB.
"""
