"""This node's entry in `status.nodes`: built from the state, and sent to the API server.

entry – builds the entry from the observation and the previous entry
publisher – sends the entry after every change, and renews the node's Lease
kube – the API server: sends both as PATCH requests
"""
