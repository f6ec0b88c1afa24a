"""Self-signed certificates for tests, made by the command openssl."""

import base64
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.cluster.machine import apt_install


def certificate(*hosts: str, days: int = 90) -> dict[str, str]:
    """The data of a Secret with a new certificate for these host names, in base64 as the API server has it."""
    if shutil.which("openssl") is None:
        apt_install("openssl")
    with tempfile.TemporaryDirectory() as folder:
        crt, key = Path(folder, "crt"), Path(folder, "key")
        names = ",".join(f"DNS:{host}" for host in hosts)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(days),
             "-subj", f"/CN={hosts[0]}", "-addext", f"subjectAltName={names}", "-keyout", key, "-out", crt],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        return {"tls.crt": encoded(crt.read_bytes()), "tls.key": encoded(key.read_bytes())}


def encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


def secrets(**data: dict[str, str]) -> dict[str, object]:
    """Secrets by their names, as `kubectl get secrets -o json` prints them; `_` stands for a dash."""
    return {"items": [{"metadata": {"name": name.replace("_", "-")}, "data": each} for name, each in data.items()]}
