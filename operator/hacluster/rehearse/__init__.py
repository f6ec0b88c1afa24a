"""A resource's data plane on this one machine: real daemons and real agents in network namespaces, and faults on purpose.

Nothing of it needs Kubernetes. Every host is a set of Linux namespaces that dies with this process.
"""
