"""What the agent uses of the operating system. Nothing here depends on the rest of the agent.

netlink – lists links and addresses, reports that they changed, deletes an address
network – the links and addresses as data, and which of them are reported in the status
tcp_sockets – reads /proc/net/tcp: ports in use, and open connections of a virtual IP
processes – which processes live, and signals
commands – runs a short command with a deadline
files – replaces a file atomically
checksum – the Internet checksum
backoff – the wait before the next try
clock – the wall clock
"""
