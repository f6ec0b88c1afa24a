"""Tests of `hacluster.importer`."""
