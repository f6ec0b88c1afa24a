"""Which nodes take part, on which interface, with which priority, VRID and addresses.

The files, in the order in which data passes through them:

virtual_ips – refuses addresses that cannot be virtual IPs
priorities – the base priority of each node
backends – the address on which each node's Apache listens
routerids – the VRID of each virtual router
addresses – which of a node's interfaces and addresses fit a virtual IP
interface_choice – the interface on which a node runs a virtual router
preference – preferred and cordoned nodes: their priorities, and which node yields
topology – calls the ones above, and puts their results into one `Topology`
"""
