"""Golden files: for each case in `cases/` a resource, its nodes, and the expected rendering."""
