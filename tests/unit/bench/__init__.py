"""The parts of `tests/bench` that need no container."""
