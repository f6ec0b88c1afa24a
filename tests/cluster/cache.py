"""The cache directory: nothing is built twice, and nothing that is incomplete is taken for finished.

Names in the cache contain a `digest` of all inputs. `publish` makes a result at a temporary path and renames it when it is
complete. `lock` keeps processes apart that would build the same thing.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent

_held: set[str] = set()  # names of the locks that this process holds


def root() -> Path:
    """The cache directory: $HACLUSTER_CACHE, or hacluster in the user's cache."""
    if chosen := os.environ.get("HACLUSTER_CACHE"):
        directory = Path(chosen)
    else:
        directory = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hacluster"
    directory.mkdir(parents=True, exist_ok=True)
    return directory.resolve()


def digest(*parts: str | Path) -> str:
    """A short hash of texts, and of files and whole directories by their relative names and contents."""
    sha = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            sha.update(part.encode() + b"\0")
            continue
        files = sorted(part.rglob("*")) if part.is_dir() else [part]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts and not any(p.endswith(".egg-info") for p in file.parts):
                sha.update(str(file.relative_to(part.parent)).encode() + b"\0" + file.read_bytes() + b"\0")
    return sha.hexdigest()[:12]


@contextlib.contextmanager
def publish(target: Path) -> Iterator[Path]:
    """Yields a path to make a file or directory at; only when the block succeeds is it renamed to `target`, in one step.

    The caller must hold the lock under which `target` is made.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for leftover in target.parent.glob(
        f".{target.name}.*"
    ):  # of a run that was killed: we hold the lock, so no running process uses it
        _remove(leftover)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent)) / "new"
    try:
        yield temporary
        if target.exists():
            _remove(target)
        temporary.rename(target)
    finally:
        _remove(temporary.parent)


def write(target: Path, text: str) -> None:
    """Writes a small file in one step, with or without a lock."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(target)


@contextlib.contextmanager
def lock(name: str) -> Iterator[None]:
    """Holds a lock between processes (flock(2)). If another process has it, prints so and waits. Reentrant; it ends with its process."""
    if name in _held:
        yield
        return
    path = root() / "locks" / name
    path.parent.mkdir(exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            print(f"waiting for {file.read() or 'another process'}, which holds {path}", file=sys.stderr, flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(f"process {os.getpid()}")
        file.flush()
        _held.add(name)
        try:
            yield
        finally:
            _held.discard(name)
            file.truncate(0)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
