"""Tests of `agent/secrets`."""
