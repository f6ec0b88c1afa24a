"""The whole data plane in namespaces of one container: `hacluster rehearse` as users run it, short. `make bench` has the statistics."""
