"""The shell scripts that run in the pods' containers, from the folder `shell/`."""

from functools import cache
from importlib import resources


@cache
def script(name: str) -> str:
    """The text of `shell/NAME`, unchanged."""
    return resources.files("hacluster.plan.objects").joinpath("shell", name).read_text(encoding="utf-8")
