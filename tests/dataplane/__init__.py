"""The whole data plane in network namespaces of one container.

The tests run `hacluster rehearse` as users do, with one trial of each event. `make bench` runs many trials and has the statistics.

`short_walk.py` is a test that `make test` does not collect, because the walk still finds violations:
`.venv/bin/python -m pytest tests/dataplane/short_walk.py`.
"""
