"""Who takes part, on which interface, with which priority and addresses."""
