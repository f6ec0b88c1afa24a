"""Builds the product's images from the repository's Dockerfile, and the image of the tests' client and switch.

Tags contain a hash of everything that goes into the images: `ensure_images` builds only what has changed.
"""

from dataclasses import dataclass
from pathlib import Path

from . import cache, nodeimage
from .engines import detect, exists, step

_SOURCES = ("Dockerfile", ".dockerignore", "locks/operator.txt", "locks/node.txt", "pyproject.toml", "LICENSE", "operator")
_LAB = cache.HERE / "lab.Containerfile"
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_KEPT_ARCHIVES = 3


@dataclass(frozen=True)
class Images:
    """References of the images, and one archive that holds the product's two, for `kind load image-archive`."""

    operator: str
    node: str
    archive: Path
    lab: str  # for the client and the switch


def ensure_images() -> Images:
    """Builds the images that do not exist yet, and returns all references."""
    start = nodeimage.base(detect())
    key = cache.digest(*(cache.REPOSITORY / name for name in _SOURCES), start)
    images = Images(
        operator=f"localhost/hacluster-operator:{key}",
        node=f"localhost/hacluster-node:{key}",
        archive=cache.root() / "images" / f"{key}.tar",
        lab=f"localhost/hacluster-lab:{cache.digest(_LAB, start)}",
    )
    if not _complete(images):
        with cache.lock("images"):
            _build(images, start)
    return images


def _complete(images: Images) -> bool:
    return images.archive.exists() and all(exists(image) for image in (images.operator, images.node, images.lab))


def _build(images: Images, start: str) -> None:
    for target, tag in (("operator", images.operator), ("node", images.node)):
        if not exists(tag):
            _build_one(
                f"build the {target} image", start, tag, cache.REPOSITORY / "Dockerfile", cache.REPOSITORY, "--target", target
            )
    if not exists(images.lab):
        _build_one("build the client's image", start, images.lab, _LAB, _LAB.parent / "node" / "pause")  # needs no files
    if not images.archive.exists():
        options = ["-q", "-m", "--format", "docker-archive"] if detect().name == "podman" else []
        with cache.publish(images.archive) as new:
            step("save the images", "save", *options, "-o", str(new), images.operator, images.node)
        for old in sorted(images.archive.parent.glob("*.tar"), key=lambda file: file.stat().st_mtime)[:-_KEPT_ARCHIVES]:
            old.unlink()


def _build_one(name: str, start: str, tag: str, file: Path, context: Path, *more: str) -> None:
    options = ["--file", str(file), "--tag", tag, "--build-arg", f"BASE={start}", *more]
    if not detect().registry:
        options += ["--network", "host", "--layers"]  # a network of the build's own has no way out here
    if _AUTHORITIES.exists():
        options += ["--secret", f"id=ca,src={_AUTHORITIES}"]
    step(name, "build", *options, str(context))
