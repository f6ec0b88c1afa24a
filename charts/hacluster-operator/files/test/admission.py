"""Runs in the pod of `helm test`: checks that `hacluster validate` and the API server accept and reject the same resources.

Both get a good and a bad resource; the API server gets them as a dry run, so that nothing is stored.
"""

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
    """Whether `hacluster validate` accepts the resource, and its output."""
    done = subprocess.run(
        ["hacluster", "validate", "-f", "-"], input=text, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode == 0, done.stdout.strip() or done.stderr.strip()


def apply(text: str) -> tuple[bool, str]:
    """Whether the API server would accept the resource from `kubectl apply`, and its message."""
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    server = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    path = f"/apis/hacluster.dev/v1alpha1/namespaces/{os.environ['POD_NAMESPACE']}/haclusters"
    token = (ACCOUNT / "token").read_text().strip()
    request = urllib.request.Request(
        f"https://{server}{path}?dryRun=All&fieldValidation=Strict",
        data=json.dumps(yaml.safe_load(text)).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt")), timeout=30):
            return True, "accepted"
    except urllib.error.HTTPError as error:
        return False, json.load(error).get("message", str(error))


def main() -> int:
    """Returns 0 if both checks accept the good resource and reject the bad one with its field."""
    good = (HERE / "good.yaml").read_text()
    bad = good.replace("port: 80\n", "port: 8080\n")  # the port of the statistics page
    field = "spec.haproxy.listeners"
    failures = 0
    for check in (validate, apply):
        good_accepted, good_message = check(good)
        bad_accepted, bad_message = check(bad)
        passed = good_accepted and not bad_accepted and field in bad_message
        failures += not passed
        print(f"{'ok' if passed else 'FAILED'}: {check.__name__}\n  good: {good_message or 'valid'}\n  bad:  {bad_message}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
