"""Tests of agent/secrets."""
