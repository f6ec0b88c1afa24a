"""Unit tests of the child objects: `hacluster.plan.objects`. `lookup` finds them in a plan."""
