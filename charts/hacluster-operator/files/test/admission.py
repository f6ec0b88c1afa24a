"""Asks `hacluster validate` and the API server about the same two resources, one good and one bad; stores neither."""

import json
import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import yaml

ACCOUNT = Path(os.environ.get("SERVICE_ACCOUNT_DIR", "/var/run/secrets/kubernetes.io/serviceaccount"))
HERE = Path(__file__).parent


def validate(text: str) -> tuple[bool, str]:
    """What `hacluster validate` says."""
    done = subprocess.run(["hacluster", "validate", "-f", "-"], input=text, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode == 0, done.stdout.strip() or done.stderr.strip()


def apply(text: str) -> tuple[bool, str]:
    """What the API server would say to `kubectl apply`."""
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    path = f"/apis/hacluster.dev/v1alpha1/namespaces/{os.environ['POD_NAMESPACE']}/haclusters"
    token = (ACCOUNT / "token").read_text().strip()
    request = urllib.request.Request(
        f"https://{place}{path}?dryRun=All&fieldValidation=Strict",
        data=json.dumps(yaml.safe_load(text)).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt")), timeout=30):
            return True, "accepted"
    except urllib.error.HTTPError as error:
        return False, json.load(error).get("message", str(error))


def main() -> int:
    """0 when both are of one mind about both."""
    good = (HERE / "good.yaml").read_text()
    bad = good.replace("port: 80\n", "port: 8080\n")  # the statistics page's
    field = "spec.haproxy.listeners"
    failures = 0
    for door in (validate, apply):
        accepted, said = door(good)
        refused, why = door(bad)
        right = accepted and not refused and field in why
        failures += not right
        print(f"{'ok' if right else 'FAILED'}: {door.__name__}\n  good: {said or 'valid'}\n  bad:  {why}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
