"""The long statistics: `make bench` measures them and writes docs/benchmarks. `tests/dataplane` plays every event once.

- `__main__.py` – runs each section in a container of the node image, and stores its JSON in docs/benchmarks/data.
- `bench.Containerfile` – the node image with a load generator.
- `inside.py` – measures one section, inside that container.
- `front_doors.py` – measures TLS and Services beside plain HTTP, inside that container.
- `moves.py` – `make bench-moves`: pods deleted and rolling upgrades on a kind cluster.
- `failovers.py` – the text of the sections about faults and planned moves.
- `front_door_tables.py` – the text of the section about TLS and Services.
- `pages.py` – writes docs/benchmarks/README.md and its pictures from the stored JSON.
"""
