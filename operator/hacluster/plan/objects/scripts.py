"""Reads the shell scripts of the folder `shell/`. They are embedded in the pod templates as arguments of `sh -c`."""

from functools import cache
from importlib import resources


@cache
def script(name: str) -> str:
    """The text of `shell/NAME`, unchanged."""
    return resources.files("hacluster.plan.objects").joinpath("shell", name).read_text(encoding="utf-8")
