"""Takes a running lab from resource to resource, as the operator does, and checks after each step that it kept serving.

`make walk` runs it in the node image (`python -m walk`), with real daemons and agents; `tests/dataplane/test_walk.py` runs a short one.

- `fields.py` – the values that are tried for every field of the resource (pure).
- `edits.py` – applies them, and chooses random ones (pure).
- `samples.py` – whole resources that replace each other.
- `controller.py` – the operator's part: plan, roll-out, pods, status.
- `apache.py` – when the next Apache pod may be stopped.
- `snapshot.py` – what the nodes and their kernels are left with.
- `clients_view.py` – what a client sees of a resource, or notices of a change (pure).
- `checks.py` – what a step may cost (pure).
- `validity.py` – which resources a walk may contain, and the lab for them (pure).
- `machine.py` – plays one step, and compares with a fresh start.
- `__main__.py` – the command line, and the report of a violation.
"""
