"""Runs containers of the plan's pods with a container engine, as the kubelet would: same commands, capabilities, mounts and users.

A first container stands for the node: it holds the network and process namespaces, with the tutorial's two interfaces. The others
are started from the pod templates of the DaemonSets. A field of a template that is not supported here fails the test, so that no
field is ignored silently.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hacluster import names
from hacluster.nodeconfig import File
from hacluster.plan import Manifest, Plan
from tests.cluster import engine
from tests.daemons.configmap import deliver

_IGNORED_FIELDS = {"name", "image", "imagePullPolicy", "resources", "restartPolicy"}
_PROBES = {"startupProbe", "livenessProbe", "readinessProbe"}


@dataclass
class Pod:
    """The pods of one node, in one set of namespaces. `folder` has a folder for each volume."""

    image: str
    folder: Path
    node: str = "node1"
    name: str = field(default_factory=lambda: f"hacluster-plan-test-{uuid.uuid4().hex[:8]}")
    _started: list[str] = field(default_factory=list)
    _hooks: dict[str, list[str]] = field(default_factory=dict)

    def up(self, **interfaces: str) -> None:
        """Creates the node, with interfaces of one address each. They are veth pairs whose other ends have no addresses."""
        options = ["--network", "none", "--cap-add", "NET_ADMIN", "--entrypoint", "tini"]
        engine("run", "--detach", "--name", self.name, *options, self.image, "--", "sleep", "infinity")
        self._started.append(self.name)
        for interface, address in interfaces.items():
            self.sh(f"ip link add {interface} type veth peer name p-{interface} && ip link set p-{interface} up")
            self.sh(f"ip link set {interface} up && ip address add {address} dev {interface}")

    def down(self) -> None:
        """Removes every container, in reverse order of their start."""
        for name in reversed(self._started):
            engine("rm", "--force", "--time", "0", name, check=False)

    def sh(self, script: str, *, check: bool = True, container: str = "") -> str:
        """The output of a shell script, run on the node or in a container of the pod."""
        return engine("exec", self._full(container), "sh", "-c", script, check=check, timeout=60).stdout

    def probe(self, container: Manifest, kind: str) -> bool:
        """Whether a probe of a container passes right now."""
        command = container[kind]["exec"]["command"]
        return engine("exec", self._full(container["name"]), *command, check=False, timeout=30).returncode == 0

    def log(self, container: str) -> str:
        """What the container has printed so far."""
        done = engine("logs", self._full(container), check=False)
        return done.stdout + done.stderr

    def running(self, container: str) -> bool:
        return engine("inspect", "--format", "{{.State.Running}}", self._full(container)).stdout.strip() == "true"

    def restart(self, container: str) -> None:
        """Starts a container that has ended; its mounts are made anew, as the kubelet's next container has them."""
        engine("start", self._full(container))

    def stop(self, container: str) -> None:
        """Stops a container as the kubelet does: preStop hook, SIGTERM, and SIGKILL after a grace period (here 10 seconds)."""
        if container in self._hooks:
            engine("exec", self._full(container), *self._hooks[container], timeout=60)
        engine("stop", "--time", "10", self._full(container))

    def deliver(self, volume: str, texts: Mapping[str, str]) -> None:
        """Delivers a ConfigMap in one of the pod's volumes."""
        deliver(self.folder / volume, texts)

    def install(self, plan: Plan) -> None:
        """Installs the daemons' files in the run directory, as the agent does before the daemons start."""
        run = self.folder / "run"
        run.mkdir(exist_ok=True)
        for file, text in plan.texts[self.node].items():
            if file in {File.KEEPALIVED, File.HAPROXY, File.RSYSLOG}:
                (run / file.value).write_text(text)

    def start(self, daemonset: Manifest, container: str) -> Manifest:
        """Starts one container of a DaemonSet's pod template, and returns it."""
        template = daemonset["spec"]["template"]["spec"]
        wanted = next(
            each for each in (*template.get("initContainers", ()), *template["containers"]) if each["name"] == container
        )
        known = _IGNORED_FIELDS | _PROBES | {"command", "args", "env", "securityContext", "volumeMounts", "lifecycle"}
        assert wanted.keys() <= known, wanted.keys() - known
        if lifecycle := wanted.get("lifecycle"):
            assert lifecycle.keys() == {"preStop"} and lifecycle["preStop"].keys() == {"exec"}
            self._hooks[container] = lifecycle["preStop"]["exec"]["command"]
        shared = ["--network", f"container:{self.name}"]
        if template.get("shareProcessNamespace"):
            shared += ["--pid", f"container:{self.name}"]
        options = [*shared, *_user(template.get("securityContext", {})), *_security(wanted["securityContext"])]
        options += [*self._environment(wanted.get("env", ())), *self._mounts(wanted["volumeMounts"], template["volumes"])]
        entrypoint, *arguments = wanted["command"]
        name = self._full(container)
        engine("run", "--detach", "--name", name, *options, "--entrypoint", entrypoint, self.image, *arguments)
        self._started.append(name)
        return dict(wanted)

    def _full(self, container: str) -> str:
        return f"{self.name}-{container}" if container else self.name

    def _environment(self, variables: Any) -> list[str]:
        options = []
        for variable in variables:
            path = variable.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
            value = {"spec.nodeName": self.node, None: variable.get("value")}[path]
            options += ["--env", f"{variable['name']}={value}"]
        return options

    def _mounts(self, mounts: Any, volumes: Any) -> list[str]:
        kinds = {volume["name"]: (volume.keys() - {"name"}).pop() for volume in volumes}
        options = []
        for mount in mounts:
            place = self.folder / mount["name"]
            if kinds[mount["name"]] == "hostPath" and mount["mountPath"].endswith(".log"):
                place.touch()
            else:
                place.mkdir(exist_ok=True)
            if kinds[mount["name"]] == "emptyDir":
                place.chmod(0o777)
            options += ["--volume", f"{place}:{mount['mountPath']}{':ro' if mount.get('readOnly') else ''}"]
        return options


def _user(context: Mapping[str, Any]) -> list[str]:
    assert context.keys() <= {"runAsNonRoot", "runAsUser", "runAsGroup"}
    return ["--user", f"{context['runAsUser']}:{context['runAsGroup']}"] if context else []


def _security(context: Mapping[str, Any]) -> list[str]:
    """Options of the engine for a security context. The engine's default seccomp profile is what RuntimeDefault means."""
    options = ["--read-only"] if context["readOnlyRootFilesystem"] else []
    if context.get("privileged"):
        assert context.keys() == {"privileged", "readOnlyRootFilesystem"}
        return [*options, "--privileged"]
    assert context.keys() == {"allowPrivilegeEscalation", "capabilities", "readOnlyRootFilesystem", "seccompProfile"}
    assert context["allowPrivilegeEscalation"] is False and context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert context["capabilities"]["drop"] == ["ALL"]
    options += ["--security-opt", "no-new-privileges", "--cap-drop", "all"]
    for capability in context["capabilities"].get("add", ()):
        options += ["--cap-add", capability]
    return options


def apache_files(plan: Plan) -> dict[str, str]:
    """The data of the ConfigMap of the Apache pods."""
    return {names.key(node, file): texts[file] for node, texts in plan.texts.items() for file in (File.HTTPD, File.PAGE)}


def daemonset(plan: Plan, name: str) -> Manifest:
    return next(each for each in plan.objects if each["kind"] == "DaemonSet" and each["metadata"]["name"] == name)
