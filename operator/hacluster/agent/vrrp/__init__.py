"""VRRP advertisements of the other nodes: received, parsed, judged and stored. A member is a node
of the resource that runs the same virtual router. The files, in the order of the data:

- `listener.py` – receives advertisements by raw sockets and passes them on to the others.
- `arrival.py` – when the kernel received a packet, however late it is read.
- `authentication.py` – the password of version-2 advertisements, in keepalived.conf and in packets.
- `packet.py` – parses and builds one advertisement.
- `membership.py` – finds the virtual router that an advertisement belongs to, and whether a member of the resource sent it.
- `adverts.py` – stores the last advertisement of a member for each virtual router.
- `anomalies.py` – reports foreign routers, and members with a different configuration.
- `final_advert.py` – sends the final advertisement of a keepalived that was killed.
- `takeover.py` – measures how long a takeover took.
"""
