"""keepalived on this node: its process, its states, its track files and the addresses it leaves behind. The files:

- `process.py` – finds keepalived's processes, reloads it, and asks it for a dump of its states.
- `notify.py` – reads its notifications from a FIFO and keeps the agent's record of its states current.
- `track_file.py` – writes the track files, by which the agent tells keepalived that HAProxy does not answer or that the node yields.
- `expectation.py` – what its states must be, what contradicts that, and which repair is next (pure).
- `repair.py` – compares, repairs, and reports what stays wrong.
- `removal.py` – notices that somebody else has removed a virtual IP (pure).
- `dump.py` – reads its dump in words: why a router is in its state.
- `wire.py` – the settings in keepalived.conf on which nodes must agree, and what a change of them means (pure).
- `scheduling.py` – reports where it lacks the real-time scheduling that short intervals need.
- `remembered.py` – remembers virtual IPs that were named since the pod started.
- `orphans.py` – removes virtual IPs that no keepalived owns, and speaks for a keepalived that was killed.
"""
