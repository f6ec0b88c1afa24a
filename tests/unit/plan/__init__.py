"""Unit tests of `hacluster.plan`, one folder for each of its packages.

The files besides the tests:

- `clusters.py` – small resources and nodes for tests of one thing each.
- `resources.py` – random resources that the schema accepts (hypothesis).
"""
