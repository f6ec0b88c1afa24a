"""The child objects."""
