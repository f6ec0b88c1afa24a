"""An admission policy that makes the API server refuse the operator's writes, to test what the operator does then."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.api.environment import Environment
from tests.api.request import RequestRefused, call
from tests.waiting import eventually


@contextmanager
def deny_writes(env: Environment, plural: str, probe: Mapping[str, Any], message: str) -> Iterator[None]:
    """During the block, an admission policy denies creating and updating objects of a kind in the namespace, with `message`.

    `probe` is an object of the kind, with which the function waits until the policy is in force.
    """
    api = "/apis/admissionregistration.k8s.io/v1"
    name = f"{env.namespace}-{plural}"
    group, _, version = env.path(plural).partition("/namespaces/")[0].removeprefix("/apis/").removeprefix("/api/").rpartition("/")
    match = {
        "resourceRules": [{"apiGroups": [group], "apiVersions": [version], "operations": ["CREATE", "UPDATE"], "resources": [plural]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": env.namespace}},
    }  # fmt: skip
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {"matchConstraints": match, "validations": [{"expression": "false", "message": message}]},
    }  # fmt: skip
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }  # fmt: skip
    call(env.server, "POST", f"{api}/validatingadmissionpolicies", policy)
    call(env.server, "POST", f"{api}/validatingadmissionpolicybindings", binding)

    def refuses() -> None:
        try:
            call(env.server, "POST", f"{env.path(plural)}?dryRun=All", probe)
        except RequestRefused as error:
            assert message in str(error), error
        else:
            raise AssertionError("the policy is not in force yet")

    try:
        eventually(refuses, within=15)
        yield
    finally:
        call(env.server, "DELETE", f"{api}/validatingadmissionpolicybindings/{name}")
        call(env.server, "DELETE", f"{api}/validatingadmissionpolicies/{name}")
