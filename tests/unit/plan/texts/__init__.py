"""Unit tests of each node's files: `hacluster.plan.texts`."""
