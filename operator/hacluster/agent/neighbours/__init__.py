"""ARP and IPv6 neighbour discovery: who else is on the segment."""
