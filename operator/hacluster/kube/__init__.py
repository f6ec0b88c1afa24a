"""The Kubernetes API: client, kinds, and reading a status."""
