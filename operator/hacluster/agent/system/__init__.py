"""The machine under the agent: network, processes, sockets, commands, files, clock."""
