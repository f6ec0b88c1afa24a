"""Provides what tests and the demo run on: tools, a Kubernetes without nodes, images, and a whole cluster (`Lab`).

Where an image registry answers, the machine's own docker or podman, kind's node image and installed tools are used. Elsewhere
everything is made from Debian packages and Go modules. Results are kept in a cache directory. The files, in the order of their use:

- `versions.py` – the versions of everything that is built.
- `cache.py` – the cache directory: hashes of inputs, atomic publishing, locks between processes.
- `steps.py` – long steps: progress, logs, and how long each took.
- `shell.py` – short commands.
- `machine.py` – Debian packages and Go; records and restores what a cluster changes on the machine.
- `engines.py` – chooses the container engine.
- `gobuild.py` – builds programs from Go modules.
- `nodeimage.py` – builds the base image and kind's node image where there is no registry.
- `images.py` – builds the product's images and that of the tests' client.
- `tools.py` – finds or builds kind, kubectl, helm, etcd and kube-apiserver.
- `kindconfig.py` – kind's configuration (pure).
- `network.py` – shell scripts that make the tutorial's networks (pure).
- `wiring.py` – runs those scripts, and starts the switch and the client.
- `leftovers.py` – removes the network and firewall rules that a private podman leaves.
- `lab.py` – one cluster: `up`, `down`, and commands on its nodes.
- `__main__.py` – the command line.
"""

from .engines import engine
from .images import Images, ensure_images
from .lab import Lab
from .steps import timings
from .tools import Kube, Tools, ensure_kube, ensure_tools

__all__ = ["Images", "Kube", "Lab", "Tools", "engine", "ensure_images", "ensure_kube", "ensure_tools", "timings"]
