"""Unit tests of Services of type LoadBalancer: `hacluster.plan.services`."""
