"""The end-to-end tests: the product on a kind cluster with the tutorial's networks, observed from outside.

- `conftest.py` – fixtures: the cluster, the operator, the samples.
- `front.py` – one HACluster as kubectl, the nodes' kernels and a client see it.
- `clients.py` – the rehearsal's two clients on the cluster's network.
- `hung_requests.py` – what the nodes know of requests that were never answered.
- `invariant.py` – checks during a test that there is one holder.
- `kept_open.py` – a client's connection that stays open.
- `handshakes.py` – a program that does TLS handshakes, one after the other.
- `test_1_tutorial.py` – the tutorial's own results.
- `test_2_failures.py` – faults.
- `test_3_changes.py` – changes of the resource, accepted and refused.
- `test_3_transitions.py` – ten changes there and back under load.
- `test_4_a_planned.py` – planned moves under load.
- `test_4_b_service.py` – a Deployment behind a Service, rolled and scaled under load.
- `test_4_c_secrets.py` – certificates and passwords from Secrets, and where they are not.
- `controller.py` – pods in place of an ingress controller.
- `test_4_d_load_balancer.py` – an ingress controller's Service of type LoadBalancer (docs/how-to/ingress.md).
- `static_pods.py` – static pods on the nodes, and an API server that stops.
- `test_4_static_pods.py` – a cold start without an API server; the operator beside static pods and in their place.
- `test_4_minimal.py` – the smallest resource, and its deletion.
- `test_5_install.py` – the chart's test, and installation by kubectl.
"""
