"""Unit tests of which nodes take part: `hacluster.plan.topology`."""
