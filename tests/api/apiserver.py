"""A real Kubernetes API for tests: etcd and kube-apiserver as plain processes, ready in seconds, no node and no container.

Authorization is RBAC as in a real cluster, and service account tokens can be made with `kubectl create token`, so tests can
act as the operator or as one node's agent. What lives outside the API server (deleting children of a deleted owner) needs the
controller manager: `run(controllers=True)`.
"""

import contextlib
import functools
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from tests.cluster import machine
from tests.cluster.tools import Kube, ensure_kube
from tests.waiting import eventually

REPOSITORY = Path(__file__).resolve().parents[2]
CRD = REPOSITORY / "crds" / "hacluster.yaml"
ISSUER = "https://kubernetes.default.svc"

# Garbage collection, what makes a namespace usable, and type checks of admission policies; nothing that would need nodes.
CONTROLLERS = (
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
    "root-ca-certificate-publisher-controller",
    "clusterrole-aggregation-controller",
    "validatingadmissionpolicy-status-controller",
)


@dataclass(frozen=True)
class Answer:
    """The server's answer: HTTP status and JSON document."""

    status: int
    document: Any

    @property
    def message(self) -> str:
        """What a Status object says; empty for other objects."""
        return str(self.document.get("message", "")) if self.document.get("kind") == "Status" else ""


@dataclass
class ApiServer:
    """The running server, and how to talk to it."""

    url: str
    token: str
    """Of an administrator (group system:masters)."""
    ca: Path
    kubeconfig: Path
    """The administrator's; its default namespace is `default`."""
    directory: Path
    """Where the processes keep their data and logs; gone after the run."""
    binaries: Kube
    _namespaces: int = field(default=0, repr=False)

    def kubectl(self, *args: str, input: str | None = None, check: bool = True) -> str:
        """Standard output of `kubectl ARGS`.

        Raises:
            KubectlError: with what it complained about, unless `check` is False.
        """
        return run_kubectl(self.binaries.kubectl, self.kubeconfig, args, input=input, check=check)

    def get(self, *args: str) -> Any:
        """The object that `kubectl get ARGS -o json` shows."""
        return json.loads(self.kubectl("get", *args, "-o", "json"))

    def apply(self, *manifests: dict[str, Any], namespace: str = "default") -> str:
        """Server-side apply as the administrator."""
        text = yaml.safe_dump_all(manifests)
        return self.kubectl("apply", "--server-side", "--force-conflicts", "-n", namespace, "-f", "-", input=text)

    def request(self, method: str, path: str, body: Any = None, *, token: str = "", content: str = "application/json") -> Answer:
        """One request as it is, for what kubectl would make up its own mind about; `path` starts with /api."""
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": content}
        self._connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self._connection.getresponse()
        return Answer(answer.status, json.load(answer))

    def dry_run(self, manifest: dict[str, Any], namespace: str = "default") -> Answer:
        """Whether an HACluster would be accepted, as `kubectl apply` asks: an unknown field is an error."""
        path = f"/apis/hacluster.dev/v1alpha1/namespaces/{namespace}/haclusters"
        return self.request("POST", f"{path}?dryRun=All&fieldValidation=Strict", manifest)

    def close(self) -> None:
        """Ends the connection, not the server."""
        self._connection.close()

    @functools.cached_property
    def _connection(self) -> http.client.HTTPSConnection:
        """Kept open: a handshake would cost more than the request. It connects again by itself when the server closed it."""
        tls = ssl.create_default_context(cafile=str(self.ca))
        return http.client.HTTPSConnection(self.url.removeprefix("https://"), context=tls, timeout=30)

    def new_namespace(self, prefix: str = "test", *, pod_security: str = "privileged") -> str:
        """A fresh namespace with its own default service account, allowed what `pod_security` allows."""
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
        """A token such as a pod has; `bound_to` is a kind and a name, such as ("Node", "node1") or ("Pod", "web-lb-x")."""
        bound = ("--bound-object-kind", bound_to[0], "--bound-object-name", bound_to[1]) if bound_to else ()
        return self.kubectl("create", "token", name, "-n", namespace, *bound).strip()

    def kubeconfig_for(self, token: str) -> Path:
        """A kubeconfig file of someone else, by token."""
        path = self.directory / f"kubeconfig-{secrets.token_hex(4)}"
        write_kubeconfig(path, url=self.url, ca=self.ca, token=token)
        return path

    def kubectl_as(self, token: str, *args: str, input: str | None = None, check: bool = True) -> str:
        """`kubectl` with someone's token."""
        return run_kubectl(self.binaries.kubectl, self.kubeconfig_for(token), args, input=input, check=check)


class KubectlError(AssertionError):
    """kubectl failed; the message is what it wrote to standard error."""


def run_kubectl(kubectl: Path, kubeconfig: Path, args: Sequence[str], *, input: str | None, check: bool = True) -> str:
    """Standard output of kubectl; with `check=False` a failure's standard error instead."""
    done = subprocess.run(
        [str(kubectl), *args],
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        input=input or "",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode == 0:
        return done.stdout
    if check:
        raise KubectlError(f"kubectl {' '.join(args)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stderr


def write_kubeconfig(path: Path, *, url: str, ca: Path, token: str) -> None:
    """One cluster, one user, one context."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": url, "certificate-authority": str(ca)}}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": "default"}}],
        "current-context": "test",
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(config))


@contextlib.contextmanager
def run(*, controllers: bool = False, crd: bool = True) -> Iterator[ApiServer]:
    """Starts the server, installs the CRD, and leaves nothing behind."""
    binaries = ensure_kube()
    if shutil.which("openssl") is None:
        machine.apt_install("openssl")
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="hacluster-api-")))
        etcd_port, peer_port, port, manager_port = _free_ports(4)
        etcd = f"http://127.0.0.1:{etcd_port}"
        peer = f"http://127.0.0.1:{peer_port}"
        stack.enter_context(
            _process(
                directory, "etcd", binaries.etcd,
                f"--data-dir={directory}/etcd", "--unsafe-no-fsync", "--log-level=warn",
                f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}",
                f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}",
            )
        )  # fmt: skip
        server = _api_server(stack, directory, binaries, etcd, port)
        if controllers:
            stack.enter_context(_controller_manager(server, manager_port))
        if crd:
            install_crd(server)
        try:
            yield server
        finally:
            server.close()


def install_crd(server: ApiServer) -> None:
    """Installs crds/hacluster.yaml and waits until it is served."""
    server.kubectl("apply", "--server-side", "-f", str(CRD))
    server.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(CRD))


def _api_server(stack: contextlib.ExitStack, directory: Path, binaries: Kube, etcd: str, port: int) -> ApiServer:
    key, tokens, certificates = directory / "sa.key", directory / "tokens.csv", directory / "pki"
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
    token = secrets.token_urlsafe(32)
    tokens.touch(mode=0o600)
    tokens.write_text(f'{token},admin,admin,"system:masters"\n')
    process = stack.enter_context(
        _process(
            directory, "kube-apiserver", binaries.kube_apiserver,
            f"--etcd-servers={etcd}", "--bind-address=127.0.0.1", f"--secure-port={port}", f"--cert-dir={certificates}",
            f"--token-auth-file={tokens}", "--authorization-mode=Node,RBAC", "--service-cluster-ip-range=10.96.0.0/16",
            "--allow-privileged=true", f"--service-account-issuer={ISSUER}", f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            # Stricter than a default cluster: who sets blockOwnerDeletion must be allowed to (as OpenShift asks).
            "--enable-admission-plugins=OwnerReferencesPermissionEnforcement",
            "--endpoint-reconciler-type=none", "--watch-cache=true",
        )
    )  # fmt: skip
    # The server signs itself a certificate; the file ends with the authority that signed it.
    url, ca, kubeconfig = f"https://127.0.0.1:{port}", certificates / "apiserver.crt", directory / "kubeconfig"

    def ready() -> None:
        assert process.poll() is None, f"kube-apiserver ended:\n{_tail(directory / 'kube-apiserver.log')}"
        try:
            context = ssl.create_default_context(cafile=str(ca))
            request = urllib.request.Request(f"{url}/readyz", headers={"Authorization": f"Bearer {token}"})
            with urllib.request.urlopen(request, context=context, timeout=5) as answer:
                assert answer.status == 200
        except (OSError, urllib.error.URLError) as error:
            raise AssertionError(f"kube-apiserver: {error}\n{_tail(directory / 'kube-apiserver.log')}") from None

    eventually(ready, within=90)
    write_kubeconfig(kubeconfig, url=url, ca=ca, token=token)
    return ApiServer(url, token, ca, kubeconfig, directory, binaries)


def _controller_manager(server: ApiServer, port: int) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    return _process(
        server.directory, "kube-controller-manager", server.binaries.kube_controller_manager,
        f"--kubeconfig={server.kubeconfig}", "--bind-address=127.0.0.1", f"--secure-port={port}",
        f"--controllers={','.join(CONTROLLERS)}", "--leader-elect=false",
        f"--service-account-private-key-file={server.directory}/sa.key", f"--root-ca-file={server.ca}",
        f"--cert-dir={server.directory}/manager-pki",
    )  # fmt: skip


@contextlib.contextmanager
def _process(directory: Path, name: str, binary: Path, *args: str) -> Iterator[subprocess.Popen[bytes]]:
    """One process with its log in `directory`; it ends with the block, or with us if we are killed (pdeathsig)."""
    with (directory / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "--", str(binary), *args],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=directory, process_group=0,
        )  # fmt: skip
    try:
        yield process
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
                break


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])
