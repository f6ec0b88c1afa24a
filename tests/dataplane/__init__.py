"""The whole data plane in network namespaces of one container.

The tests run `hacluster rehearse` as users do, with one trial of each event. `make bench` runs many trials and has the statistics.
"""
