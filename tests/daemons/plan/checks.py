"""Checks configuration files with the daemons that will read them, all files in one container.

`check.sh` runs in the container and calls `keepalived -t`, `haproxy -c`, `apache2 -t` and `rsyslogd -N1`. A warning counts as a
refusal.
"""

import base64
from collections.abc import Iterable
from pathlib import Path

from hacluster import names
from tests.certificates import certificate
from tests.cluster import engine

_SCRIPT = (Path(__file__).parent / "check.sh").read_text()


def check_files(image: str, root: Path, folders: Iterable[Path]) -> dict[str, str]:
    """Path of each file, relative to `root` → "" if its daemon accepts it without a warning, else exit code and output.

    The container has what the agent's container has: a read-only root and no capability that helps to read a configuration.
    """
    listed = "\n".join(f"/files/{folder.relative_to(root)}" for folder in folders)
    command = ["run", "--rm", "--interactive", "--network", "none", "--read-only", "--cap-drop", "all"]
    # Only in this test: its files may belong to another user, and it makes a route to the name servers of the files.
    command += ["--cap-add", "DAC_READ_SEARCH", "--cap-add", "NET_ADMIN", "--security-opt", "no-new-privileges"]
    for path in (names.RUN_DIR, names.CONFIG_DIR, names.CONTENT_DIR):
        command += ["--tmpfs", path]
    made = certificate("any.example")
    pem = "".join(base64.b64decode(made[key]).decode() for key in ("tls.crt", "tls.key"))
    command += ["--env", f"CERTIFICATES={names.CERTIFICATES_DIR}", "--env", f"PEM={pem}"]
    command += ["--volume", f"{root}:/files:ro", "--entrypoint", "sh", image, "-c", _SCRIPT]
    output = engine(*command, input=f"{listed}\n").stdout
    verdicts: dict[str, str] = {}
    current = ""
    for line in output.splitlines():
        if line.startswith("    "):
            verdicts[current] += f"\n{line}"
            continue
        verdict, file, *code = line.split()
        current = str(Path(file).relative_to("/files"))
        verdicts[current] = "" if verdict == "ok" else f"{verdict} with code {code[0]}"
    return verdicts
