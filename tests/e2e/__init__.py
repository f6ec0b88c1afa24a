"""The end-to-end tests: the product on a kind cluster with the tutorial's networks, observed from outside.

- `conftest.py` – fixtures: the cluster, the operator, the samples.
- `front.py` – one HACluster as kubectl, the nodes' kernels and a client see it.
- `clients.py` – the rehearsal's two clients on the cluster's network.
- `invariant.py` – checks during a test that there is one holder.
- `test_1_tutorial.py` – the tutorial's own results.
- `test_2_failures.py` – faults.
- `test_3_changes.py` – changes of the resource, accepted and refused.
- `test_3_transitions.py` – ten changes there and back under load.
- `test_4_a_planned.py` – planned moves under load.
- `test_4_minimal.py` – the smallest resource, and its deletion.
- `test_5_install.py` – the chart's test, and installation by kubectl.
"""
