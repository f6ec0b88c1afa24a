"""The files of each node."""
