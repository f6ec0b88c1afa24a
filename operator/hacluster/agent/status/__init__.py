"""The node's entry in status.nodes, and who receives it."""
