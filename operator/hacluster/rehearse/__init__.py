"""Runs a resource's data plane on this machine, without Kubernetes, and measures its failovers.

The daemons and the agents are the real ones. Each host is a set of Linux namespaces that ends with this process.
`hacluster rehearse`, `tests/dataplane` and `make bench` use it: docs/decisions/0013-rehearsals.md says why.

Terms: a rehearsal is one run of `hacluster rehearse`; its lab is the set of hosts, links, daemons and watchers; an event is something
that happens to the lab, a fault or a planned move; a trial is one event with its measurement; a drill is a series of trials.

The files, in the order in which data passes through them:

- `requirements.py` – checks that this machine has the commands and rights that a rehearsal needs.
- `facts.py` – derives the layout from the resource: which hosts and addresses there are (pure).
- `authority.py` – the certificate authority of the lab, made by openssl.
- `secrets.py` – the Secrets that the resource names, as the agents follow them.
- `services.py` – the Services of the resource as the objects that the agents follow (pure).
- `hosts.py` – makes hosts of namespaces, and runs commands and daemons on them.
- `network.py` – connects the hosts by bridges, and takes links away.
- `containers.py` – the pods' containers as processes of a host (pure).
- `by_hand.py` – the files of a node without an agent.
- `node.py` – runs the daemons of one node as the kubelet does: files, commands, restarts.
- `dialogues.py` – what a stand-in answers (pure).
- `stand_in.py` – the server that stands in for the user's own ones.
- `stand_ins.py` – starts them all, on the nodes and on one host.
- `lab.py` – puts all of it together: `running_lab` is the way in.
- `newcomer.py` – asks who has the virtual IP, by ARP or neighbour discovery, before a request.
- `connections.py` – the connections of the measuring client, with TLS or without.
- `client.py` – the measuring client, a program of its own that appends records to a file.
- `clients.py` – runs two of them: one that remembers who has the virtual IP, and one that asks before each request.
- `address_watch.py` – records when each node's kernel got and lost a virtual IP (netlink).
- `arp_watch.py` – records which MAC addresses answer ARP requests for a virtual IP.
- `events.py` – the events that can be played, and the result of one trial.
- `settled.py` – whether the lab is in the state that each trial starts from and returns to.
- `faults.py` – plays the events on a lab: `FaultInjector`.
- `measure.py` – computes durations and counts from the records of client and watchers (pure).
- `summary.py` – medians and worst cases, as a table and as a JSON document (pure).
- `drill.py` – plays events one after the other, each so many times.
- `plot.py` – draws the requests around the worst trial of each event.
"""
