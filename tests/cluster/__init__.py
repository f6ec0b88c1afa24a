"""How tests and the demo get a cluster: tools, a Kubernetes without nodes, images, and a `Lab` with everything."""

from .engines import engine
from .images import Images, ensure_images
from .lab import Lab
from .steps import timings
from .tools import Kube, Tools, ensure_kube, ensure_tools

__all__ = ["Images", "Kube", "Lab", "Tools", "engine", "ensure_images", "ensure_kube", "ensure_tools", "timings"]
