"""A change as a transaction: which node is offered which files now."""
