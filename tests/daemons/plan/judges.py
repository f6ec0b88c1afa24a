"""The real daemons' opinion of configuration files: one container for as many as there are."""

from collections.abc import Iterable
from pathlib import Path

from hacluster import names
from tests.cluster import engine

_SCRIPT = (Path(__file__).parent / "check.sh").read_text()


def judge(image: str, root: Path, folders: Iterable[Path]) -> dict[str, str]:
    """What each file below `root` got: "" when its daemon takes it without a word, else code and complaint.

    Keys are paths relative to `root`. Runs with what the agent's container has: a read-only root and no capability that
    helps to read a configuration.
    """
    listed = "\n".join(f"/files/{folder.relative_to(root)}" for folder in folders)
    command = ["run", "--rm", "--interactive", "--network", "none", "--read-only", "--cap-drop", "all"]
    # DAC_READ_SEARCH only here: the test's own files may belong to somebody else.
    command += ["--cap-add", "DAC_READ_SEARCH", "--security-opt", "no-new-privileges"]
    for path in (names.RUN_DIR, names.CONFIG_DIR, names.CONTENT_DIR):
        command += ["--tmpfs", path]
    command += ["--volume", f"{root}:/files:ro", "--entrypoint", "sh", image, "-c", _SCRIPT]
    said = engine(*command, input=f"{listed}\n").stdout
    verdicts: dict[str, str] = {}
    current = ""
    for line in said.splitlines():
        if line.startswith("    "):
            verdicts[current] += f"\n{line}"
            continue
        verdict, file, *code = line.split()
        current = str(Path(file).relative_to("/files"))
        verdicts[current] = "" if verdict == "ok" else f"{verdict} with code {code[0]}"
    return verdicts
