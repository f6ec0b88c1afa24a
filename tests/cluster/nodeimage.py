"""Builds the images that cannot be pulled where no registry answers: a Debian base, and kind's node image.

With a registry, `base` and `node` name the public images instead and build nothing.
"""

from pathlib import Path

from . import cache, gobuild, machine, shell, steps, versions
from .engines import Engine, exists, step

_CONTAINERFILE = cache.HERE / "node" / "Containerfile"
_BOOTSTRAP = (
    "mmdebstrap", "--variant=minbase", "--include=ca-certificates", "--format=tar",
    *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "info", "locale", "man")),
    versions.DEBIAN,
)  # fmt: skip


def base(chosen: Engine) -> str:
    """The image that all others are built from: Debian's own, or an equivalent that mmdebstrap makes from packages."""
    if chosen.registry:
        return versions.BASE
    key = cache.digest(*_BOOTSTRAP)
    image = f"localhost/{versions.BASE}-{key}"
    if not exists(image):
        with cache.lock("images"):
            machine.apt_install("mmdebstrap")
            archive = cache.root() / f"base-{versions.DEBIAN}-{key}.tar"
            if not archive.exists():
                with cache.publish(archive) as new:
                    steps.run(f"make a Debian {versions.DEBIAN} base from packages", [*_BOOTSTRAP, new])
            step("import the base", "import", str(archive), image)
    return image


def node(chosen: Engine) -> str | None:
    """The image for kind's nodes; None means kind's own default."""
    if chosen.registry:
        return None
    start = base(chosen)
    contexts = {
        "kube": gobuild.kube(),
        "containerd": gobuild.containerd(),
        "coredns": gobuild.coredns(),
        "pause": gobuild.pause(),
    }
    key = cache.digest(_CONTAINERFILE, start, versions.KIND, *(path.name for path in contexts.values()))
    image = f"localhost/hacluster-kind-node:{versions.KUBERNETES}-{key}"
    if not exists(image):
        with cache.lock("images"):
            if not exists(image):  # another process may have built it while this one waited
                contexts["kind"] = gobuild.module_directory("sigs.k8s.io/kind", versions.KIND) / "images" / "base" / "files"
                _build_node(image, start, contexts, cache.root() / f"node-{key}")
    return image


def _build_node(image: str, start: str, contexts: dict[str, Path], context: Path) -> None:
    """Builds the images that kubeadm requires, saves them in one archive, and builds the node image with that archive loaded."""
    options = ["--network", "host", "--layers", "--file", str(_CONTAINERFILE), "--build-arg", f"BASE={start}"]
    options += [option for name, path in contexts.items() for option in ("--build-context", f"{name}={path}")]
    list_images = [contexts["kube"] / "kubeadm", "config", "images", "list", "--kubernetes-version", versions.KUBERNETES]
    wanted = wanted_images(shell.call(list_images).stdout)
    archive = context / "images.tar"
    if not archive.exists():
        for target, tags in wanted.items():
            tagged = [option for tag in tags for option in ("--tag", tag)]
            step(f"build the {target} image", "build", *options, "--target", target, *tagged, str(_CONTAINERFILE.parent))
        with cache.publish(archive) as new:
            names = [tag for tags in wanted.values() for tag in tags]
            step("collect the images of a node", "save", "-q", "-m", "--format", "docker-archive", "-o", str(new), *names)
    options += ["--build-arg", f"KUBERNETES={versions.KUBERNETES}", "--build-arg", f"PAUSE={wanted['pause'][0]}"]
    step("build the image of a node", "build", *options, "--target", "node", "--tag", image, str(context))
    archive.unlink()  # it is in the image now
    context.rmdir()


def wanted_images(listed: str) -> dict[str, list[str]]:
    """The images that kubeadm lists, by the target of the Containerfile that builds them."""
    targets: dict[str, list[str]] = {"component": [], "coredns": [], "pause": []}
    for name in listed.split():
        last = name.rsplit("/", 1)[-1].split(":")[0]
        targets.get(last, targets["component"]).append(name)
    return targets
