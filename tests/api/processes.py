"""Starts etcd and kube-apiserver as plain processes, and the controller manager if a test needs it.

No node and no container is involved, so the API server is ready in seconds. What runs outside of it in a cluster, such as the
deletion of a deleted owner's children, needs the controller manager: `run(controllers=True)`.
"""

import contextlib
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.api.apiserver import REPOSITORY, ApiServer
from tests.api.kubectl import write_kubeconfig
from tests.cluster import machine
from tests.cluster.tools import Kube, ensure_kube
from tests.waiting import eventually

CRDS = REPOSITORY / "crds"
ISSUER = "https://kubernetes.default.svc"

# Garbage collection, what a namespace needs to be usable, and type checks of admission policies; nothing that needs nodes.
CONTROLLERS = (
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
    "root-ca-certificate-publisher-controller",
    "clusterrole-aggregation-controller",
    "validatingadmissionpolicy-status-controller",
)


@contextlib.contextmanager
def run(*, controllers: bool = False, crd: bool = True) -> Iterator[ApiServer]:
    """Runs the server during the block, with the CRDs installed if `crd` is True. Afterwards processes and files are gone."""
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
    """Installs crds/ and waits until the server serves them."""
    server.kubectl("apply", "--server-side", "-f", str(CRDS))
    server.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(CRDS))


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
            # Stricter than a default cluster, as OpenShift is: setting blockOwnerDeletion needs rights on the owner.
            "--enable-admission-plugins=OwnerReferencesPermissionEnforcement",
            "--endpoint-reconciler-type=none", "--watch-cache=true",
        )
    )  # fmt: skip
    # The server creates its own certificate; the file also has the certificate of the authority that signed it.
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
    """Runs a process during the block, with its log in `directory`. pdeathsig ends it also if the tests are killed."""
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
