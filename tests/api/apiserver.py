"""A real Kubernetes API server, as tests use it: requests, kubectl, namespaces and tokens. `processes.py` starts it.

Authorization is RBAC as in a real cluster, and service account tokens can be created as `kubectl create token` does, so a test
can act as the operator or as one node's agent.
"""

import functools
import http.client
import json
import secrets
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.api.kubectl import run_kubectl, write_kubeconfig
from tests.cluster.tools import Kube

REPOSITORY = Path(__file__).resolve().parents[2]
REUSE_WITHIN = 30.0
"""Seconds without a request after which the connection is not used again: the server closes an idle one after 90 s."""


@dataclass(frozen=True)
class Answer:
    """An answer of the server: HTTP status code and JSON document."""

    status: int
    document: Any

    @property
    def message(self) -> str:
        """The message of a Status object; empty for other objects."""
        return str(self.document.get("message", "")) if self.document.get("kind") == "Status" else ""


@dataclass
class ApiServer:
    """The running server."""

    url: str
    token: str
    """Token of an administrator (group system:masters)."""
    ca: Path
    """File with the certificate authority of the server's certificate."""
    kubeconfig: Path
    """Kubeconfig of the administrator; its default namespace is `default`."""
    directory: Path
    """Data and logs of the processes; deleted at the end."""
    binaries: Kube
    _namespaces: int = field(default=0, repr=False)
    _used: float = field(default=0.0, repr=False)
    """When the connection was last used (monotonic clock)."""

    def kubectl(self, *args: str, input: str | None = None, check: bool = True) -> str:
        """Standard output of `kubectl ARGS`.

        Raises:
            KubectlError: it failed, unless `check` is False; then the result is its standard error.

        """
        return run_kubectl(self.binaries.kubectl, self.kubeconfig, args, input=input, check=check)

    def get(self, *args: str) -> Any:
        """The object that `kubectl get ARGS -o json` prints."""
        return json.loads(self.kubectl("get", *args, "-o", "json"))

    def apply(self, *manifests: dict[str, Any], namespace: str = "default") -> str:
        """Applies manifests with server-side apply as the administrator."""
        text = yaml.safe_dump_all(manifests)
        return self.kubectl("apply", "--server-side", "--force-conflicts", "-n", namespace, "-f", "-", input=text)

    def request(self, method: str, path: str, body: Any = None, *, token: str = "", content: str = "application/json") -> Answer:
        """One request, by the administrator or with `token`. kubectl would change some requests, or answer them by itself.

        `path` starts with /api; `content` is the content type of `body`.
        """
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": content}
        if time.monotonic() - self._used > REUSE_WITHIN:
            self._connection.close()  # http.client opens a new one
        try:
            self._connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = self._connection.getresponse()
            answer = Answer(response.status, json.load(response))
        except BaseException:
            self._connection.close()  # otherwise every later request would fail, too
            raise
        self._used = time.monotonic()
        return answer

    def dry_run(self, manifest: dict[str, Any], namespace: str = "default") -> Answer:
        """Creates an HACluster as a dry run; an unknown field is an error, as with `kubectl apply`."""
        path = f"/apis/hacluster.dev/v1alpha1/namespaces/{namespace}/haclusters"
        return self.request("POST", f"{path}?dryRun=All&fieldValidation=Strict", manifest)

    def close(self) -> None:
        """Closes the connection; the server keeps running."""
        self._connection.close()

    @functools.cached_property
    def _connection(self) -> http.client.HTTPSConnection:
        """Stays open between requests, because a TLS handshake takes longer than a request."""
        tls = ssl.create_default_context(cafile=str(self.ca))
        return http.client.HTTPSConnection(self.url.removeprefix("https://"), context=tls, timeout=30)

    def new_namespace(self, prefix: str = "test", *, pod_security: str = "privileged") -> str:
        """Creates a namespace with its default service account and returns its name; `pod_security` is its Pod Security level."""
        self._namespaces += 1
        name = f"{prefix}-{self._namespaces}"
        labels = {"pod-security.kubernetes.io/enforce": pod_security}
        self.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}},
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}},
            namespace=name,
        )
        return name

    def service_account_token(self, namespace: str, name: str, *, bound_to: tuple[str, str] | None = None) -> str:
        """A token of a service account; `bound_to` is the kind and name of an object, such as ("Node", "node1").

        A pod's token is bound to its pod, and names its node.
        """
        options = ("--bound-object-kind", bound_to[0], "--bound-object-name", bound_to[1]) if bound_to else ()
        return self.kubectl("create", "token", name, "-n", namespace, *options).strip()

    def kubeconfig_for(self, token: str) -> Path:
        """Writes a kubeconfig with this token and returns its path."""
        path = self.directory / f"kubeconfig-{secrets.token_hex(4)}"
        write_kubeconfig(path, url=self.url, ca=self.ca, token=token)
        return path

    def kubectl_as(self, token: str, *args: str, input: str | None = None, check: bool = True) -> str:
        """As `kubectl`, with another user's token."""
        return run_kubectl(self.binaries.kubectl, self.kubeconfig_for(token), args, input=input, check=check)
