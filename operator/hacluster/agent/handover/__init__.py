"""Planned moves: stepping back, draining, and forwarding of open connections."""
