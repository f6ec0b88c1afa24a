"""Tests that need a real API server; nodes and agents are simulated.

An `Environment` (fixture `env`) is a namespace with nodes and simulated agents; the operator is a process that the test starts.
The files besides the tests, in the order in which they build on each other:

- `kubectl.py` – runs kubectl.
- `apiserver.py` – the API server as tests use it.
- `processes.py` – starts its processes.
- `request.py` – requests as the administrator, without kubectl.
- `namespace.py` – what a user does and sees in one namespace.
- `environment.py` – adds simulated agents.
- `election.py` – decides which of the simulated nodes holds the virtual IP, as keepalived does.
- `operator_process.py` – runs the operator.
- `services.py` – Services of type LoadBalancer, as a user makes and sees them.
- `tenants.py` – a resource, and Services in another namespace.
- `policies.py` – makes the API server refuse writes.
- `latency.py` – measures how soon status shows a move.
- `conftest.py` – the fixtures.
"""
