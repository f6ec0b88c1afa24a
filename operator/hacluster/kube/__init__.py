"""Access to the Kubernetes API, for the operator and for the command line.

kinds – the kinds of objects, and the URL paths of the API server for them
client – requests: list, watch, server-side apply, patch, delete
status – the status of a HACluster, read whatever version wrote it
"""
