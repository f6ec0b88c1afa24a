"""Tests that run the real daemons in containers: `plan/` runs the generated files and pods, `agent/` the agent with them.

`configmap.py` delivers ConfigMaps to both.
"""
