"""The operator: watches resources and nodes, plans each resource, applies the plan, and reports in `status`.

It is level-triggered: an event only says which resource to look at. The decision is made from what exists now, so a lost or repeated
event does no harm. Start at `run.py`; the files, in the order in which data passes through them:

- `handlers.py` – registers kopf's watches; every event goes into the informer.
- `informer.py` – updates the cache and adds the resources that a change concerns to the work queue.
- `store.py` – the cache: the parts of the objects that the operator reads.
- `service_objects.py` – the cached Services of type LoadBalancer, in the plan's terms.
- `resources.py` – the cached HAClusters, parsed.
- `node_monitor.py` – records what the nodes report, and asks an agent whether it still runs where that is in doubt.
- `liveness.py` – each node's last report, what it claims, and whether it counts as lost.
- `earlier_versions.py` – agents of a version before HAClusterNode, and the Leases of that time.
- `workqueue.py` – which resource is due when, and the workers that take it.
- `reconcile.py` – one resource: observe → plan → apply → report.
- `observe.py` – what the cache says about nodes, pods and DaemonSets, in the types of the plan and of the report.
- `segments.py` – where each resource's virtual routers advertise, kept while nothing changes.
- `load_balancer_services.py` – everything about the Services of type LoadBalancer of a resource.
- `service_bindings.py` – which listeners the resource's Services of type LoadBalancer become.
- `service_access.py` – lets the agents read Services of other namespaces, and takes the right back.
- `planner.py` – makes the plan, or returns the last one while its inputs are the same.
- `recent_yields.py` – which nodes were told a moment ago to yield a virtual router.
- `rollout.py` – which configuration each node is offered now.
- `report_inputs.py` – the inputs of the status report.
- `pod_causes.py` – why a node has no pod.
- `pod_updates.py` – replaces pods of an older template, one after the other.
- `apply.py` – server-side apply of what differs, deletion of what is no longer wanted.
- `drift.py` – which wanted fields differ in an observed object.
- `status_writer.py` – writes `status` where it changed.
- `service_status_writer.py` – writes the `status` of these Services.
- `events.py` – posts Kubernetes Events.
- `connection_monitor.py` – notices that the API server does not answer any more, and shuts dead connections down.
- `election.py` – whether this operator may act: the pure part of the leader election.
- `leader.py` – holds the Lease by which one operator at a time acts, or waits for it.
- `health.py` – `/healthz` for the kubelet.
- `run.py` – builds all parts, fills the cache, and runs until a signal.
"""
