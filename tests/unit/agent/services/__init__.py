"""Tests of hacluster.agent.services."""
