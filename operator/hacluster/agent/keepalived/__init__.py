"""keepalived on this node: its process, its states, its track files and the addresses it leaves behind. The files:

- `process.py` – finds keepalived's processes, reloads it, and asks it for a dump of its states.
- `notify.py` – reads its notifications from a FIFO and keeps the agent's record of its states current.
- `track_file.py` – writes the track files, by which the agent tells keepalived that HAProxy does not answer or that the node yields.
- `orphans.py` – removes virtual IPs that a keepalived which has ended left on the node.
"""
