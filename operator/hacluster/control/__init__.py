"""The operator: watches resources and nodes, plans each resource, applies the plan, and reports in `status`.

It is level-triggered: an event only says which resource to look at. The decision is made from what exists now, so a lost or repeated
event does no harm. Start at `run.py`; the files, in the order in which data passes through them:

handlers – registers kopf's watches; every event goes into the informer
informer – updates the cache and adds the resources that a change concerns to the work queue
store – the cache: the parts of the objects that the operator reads
resources – the cached HAClusters, parsed
node_monitor – records the nodes' heartbeats, and confirms with the API server that a node is silent
heartbeats – when each node was last seen, by the operator's clock
workqueue – which resource is due when, and the workers that take it
reconcile – one resource: observe → plan → apply → report
observe – what the cache says about nodes, pods and DaemonSets, in the types of the plan and of the report
planner – makes the plan, or returns the last one while its inputs are the same
recent_yields – which nodes were told a moment ago to yield a virtual router
rollout – which configuration each node is offered now
report_inputs – the inputs of the status report
apply – server-side apply of what differs, deletion of what is no longer wanted
drift – which wanted fields differ in an observed object
status_writer – writes `status` where it changed
events – posts Kubernetes Events
health – `/healthz` for the kubelet
run – builds all parts, fills the cache, and runs until a signal
"""
