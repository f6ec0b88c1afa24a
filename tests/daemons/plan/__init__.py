"""The generated configuration with the real daemons: they accept the files, and the pods of the plan run.

The files besides the tests:

- `tutorial.py` – the plan of the tutorial.
- `checks.py` – runs the daemons' own configuration checks (`check.sh`) on many files in one container.
- `refused/` – files with one mistake each, which the daemons must refuse.
- `pod.py` – runs the containers of a pod template with a container engine, as the kubelet would.
"""
