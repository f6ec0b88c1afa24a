"""The Helm chart: what it renders with various values, and the schema of its values."""

import json
import subprocess
from typing import Any

import pytest
import yaml

from hack.generate import CHART, NAMESPACE, REPOSITORY, find_helm
from hacluster.api import parse
from hacluster.api.crd import build_crds, build_schema

ROOT = REPOSITORY / CHART
VALUES = yaml.safe_load((ROOT / "values.yaml").read_text())
SCHEMA = json.loads((ROOT / "values.schema.json").read_text())


class HelmFailed(Exception):
    """Helm ended with an error; the message is its output."""


def helm(*args: str) -> str:
    """Standard output of `helm ARGS`.

    Raises:
        HelmFailed: it exited with another code than 0.

    """
    done = subprocess.run([str(find_helm()), *args], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise HelmFailed(done.stderr + done.stdout)
    return done.stdout


def render(*options: str, release: str = "hacluster") -> dict[tuple[str, str], dict[str, Any]]:
    """The rendered objects by kind and name, with the hooks of `helm test`."""
    text = helm("template", release, str(ROOT), "-n", NAMESPACE, *options)
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(text) if each}


def test_helm_lint_passes() -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", str(ROOT))


def test_every_value_is_in_the_schema_which_allows_no_others() -> None:
    def check(values: Any, schema: dict[str, Any], path: str) -> None:
        if "$ref" in schema:
            schema = SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]]
        if isinstance(values, dict) and "properties" in schema:
            assert schema["additionalProperties"] is False, path
            for name, value in values.items():
                assert name in schema["properties"], f"{path}.{name}"
                check(value, schema["properties"][name], f"{path}.{name}")

    check(VALUES, SCHEMA, "values")
    known = {name for name in SCHEMA["properties"] if name != "global"}
    assert known == set(VALUES), "a value in the schema that values.yaml does not show"


@pytest.mark.parametrize(
    "wrong",
    [
        "imag.operator.tag=1", "image.operator.tags=1", "image.pullPolicy=Sometimes", "log.level=loud", "crds.install=perhaps",
        "watchNamespace=Not_A_Name", "image.node.digest=sha256:123", "replicas=2", "resources.claims=x",
    ],
)  # fmt: skip
def test_wrong_values_are_refused(wrong: str) -> None:
    with pytest.raises(HelmFailed, match="values don't meet the specifications"):
        render("--set", wrong)


def test_the_crds_are_optional_and_kept_on_uninstall() -> None:
    objects = render()
    for wanted in build_crds():
        crd = objects["CustomResourceDefinition", wanted["metadata"]["name"]]
        assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
        assert crd["spec"] == wanted["spec"]
    assert "CustomResourceDefinition" not in {kind for kind, _ in render("--set", "crds.install=false")}


def test_values_set_image_arguments_and_environment_of_the_operator() -> None:
    digest = f"sha256:{'0' * 64}"
    options = ["image.operator.repository=images.example.com/op,image.operator.tag=v2", f"image.node.digest={digest}"]
    options += ["image.pullPolicy=Always", "watchNamespace=prod", "log.format=json", "nodePriorityClassName=important"]
    pod = render("--set", ",".join(options))["Deployment", "hacluster-operator"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert container["image"] == "images.example.com/op:v2"
    assert container["args"] == ["operator"]
    assert {each["name"]: each["value"] for each in container["env"]} == {
        "HACLUSTER_NODE_IMAGE": f"hacluster-node@{digest}",
        "HACLUSTER_IMAGE_PULL_POLICY": "Always",
        "HACLUSTER_PRIORITY_CLASS": "important",
        "HACLUSTER_WATCH_NAMESPACE": "prod",
        "HACLUSTER_LOG_LEVEL": "info",
        "HACLUSTER_LOG_FORMAT": "json",
    }


def test_image_tags_default_to_the_charts_version() -> None:
    chart = yaml.safe_load((ROOT / "Chart.yaml").read_text())
    [container] = render()["Deployment", "hacluster-operator"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"hacluster-operator:{chart['appVersion']}"
    from hacluster import __version__

    assert chart["appVersion"] == chart["version"] == __version__


def test_the_operator_reads_every_variable_that_the_chart_sets() -> None:
    from hacluster.cli.operator import command

    read = {option.envvar for option in command.params if hasattr(option, "envvar")}
    [container] = render()["Deployment", "hacluster-operator"]["spec"]["template"]["spec"]["containers"]
    assert {each["name"] for each in container["env"]} <= read


def test_optional_values_reach_the_pod() -> None:
    values = {
        "image": {"pullSecrets": ["mine"]},
        "priorityClassName": "important",
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "podLabels": {"team": "net"},
        "podAnnotations": {"note": "x"},
        "nodeSelector": {"zone": "a"},
        "serviceAccount": {"name": "custom", "annotations": {"a": "b"}},
    }
    objects = render("--set-json", ",".join(f"{name}={json.dumps(value)}" for name, value in values.items()))
    template = objects["Deployment", "hacluster-operator"]["spec"]["template"]
    assert template["metadata"]["labels"]["team"] == "net"
    assert template["metadata"]["annotations"] == {"note": "x"}
    pod = template["spec"]
    assert pod["imagePullSecrets"] == [{"name": "mine"}]
    assert pod["priorityClassName"] == "important"
    assert (pod["tolerations"], pod["affinity"]) == (values["tolerations"], values["affinity"])
    assert pod["nodeSelector"]["zone"] == "a"
    assert pod["serviceAccountName"] == "custom"
    assert objects["ServiceAccount", "custom"]["metadata"]["annotations"] == {"a": "b"}
    [subject] = objects["ClusterRoleBinding", "hacluster-operator"]["subjects"]
    assert (subject["name"], subject["namespace"]) == ("custom", NAMESPACE)


def test_with_watch_namespace_the_rights_of_the_operator_end_at_that_namespace() -> None:
    objects = render("--set", "watchNamespace=prod")
    assert ("ClusterRoleBinding", "hacluster-operator") not in objects
    assert objects["RoleBinding", "hacluster-operator"]["metadata"]["namespace"] == "prod"
    assert ("ClusterRoleBinding", "hacluster-operator-nodes") in objects
    assert not _reads_namespaces(objects) and _reads_namespaces(render())


def _reads_namespaces(objects: dict[tuple[str, str], dict[str, Any]]) -> bool:
    rules = [rule for each in objects.values() if each["kind"] == "ClusterRole" for rule in each["rules"]]
    return any("namespaces" in rule["resources"] and rule["verbs"] == ["list", "watch"] for rule in rules)


def test_the_right_to_grant_secrets_is_optional() -> None:
    def verbs(*values: str) -> list[list[str]]:
        rules = render(*values)["ClusterRole", "hacluster-operator"]["rules"]
        return [each["verbs"] for each in rules if "secrets" in each["resources"]]

    assert verbs() == [["get", "watch"]], "never list"
    assert verbs("--set", "secrets.enabled=false") == []


def test_no_role_has_a_wildcard() -> None:
    for (kind, name), each in render().items():
        if kind in {"ClusterRole", "Role"}:
            for rule in each["rules"]:
                assert "*" not in [*rule["verbs"], *rule["resources"], *rule["apiGroups"]], name


def test_the_admission_policy_is_optional() -> None:
    kinds = {kind for kind, _ in render("--set", "admissionPolicy.enabled=false")}
    assert not [kind for kind in kinds if "Admission" in kind]


def test_the_admission_policy_protects_every_field_of_the_status_but_nodes() -> None:
    policy = render()["ValidatingAdmissionPolicy", "hacluster-operator-agent-status"]
    guarded = {each["expression"].split(" ")[0].rpartition("?")[2] for each in policy["spec"]["validations"][2:]}
    assert guarded == set(build_schema()["properties"]["status"]["properties"]) - {"nodes"}


def test_user_roles_aggregate_to_the_built_in_roles_unless_disabled() -> None:
    def aggregation(objects: dict[tuple[str, str], dict[str, Any]]) -> dict[str, bool]:
        found = {name: each["metadata"]["labels"] for (kind, name), each in objects.items() if kind == "ClusterRole"}
        return {name: any("aggregate-to" in label for label in each) for name, each in found.items()}

    user_roles = {f"hacluster-operator-{role}" for role in ("view", "edit", "admin")}
    assert {name for name, aggregated in aggregation(render()).items() if aggregated} == user_roles
    assert not any(aggregation(render("--set", "rbac.aggregate=false")).values())


@pytest.mark.parametrize(
    ("release", "name"),
    [("hacluster", "hacluster-operator"), ("hacluster-operator", "hacluster-operator"), ("edge", "edge-hacluster-operator")],
)
def test_object_names_follow_the_release_name(release: str, name: str) -> None:
    objects = render(release=release)
    assert ("Deployment", name) in objects
    assert ("Deployment", "mine") in render("--set", "fullnameOverride=mine", release=release)


def test_the_deployment_does_not_select_the_test_pod() -> None:
    objects = render()
    selector = objects["Deployment", "hacluster-operator"]["spec"]["selector"]["matchLabels"]
    pod = objects["Pod", "hacluster-operator-test"]["metadata"]["labels"]
    assert not selector.items() <= pod.items()


def test_the_artifact_hub_example_is_a_valid_resource() -> None:
    annotations = yaml.safe_load((ROOT / "Chart.yaml").read_text())["annotations"]
    for example in yaml.safe_load(annotations["artifacthub.io/crdsExamples"]):
        parse(example)
    crds = yaml.safe_load(annotations["artifacthub.io/crds"])
    assert [(crd["name"], crd["kind"], crd["version"]) for crd in crds] == [
        ("haclusters.hacluster.dev", "HACluster", "v1alpha1"), ("haclusternodes.hacluster.dev", "HAClusterNode", "v1alpha1"),
    ]  # fmt: skip


def test_the_install_notes_name_the_release_and_the_watched_namespace() -> None:
    notes = helm(
        "install", "hacluster", str(ROOT), "-n", NAMESPACE, "--dry-run=client", "--set", "watchNamespace=prod"
    ).partition("NOTES:")[2]
    assert "looks at namespace prod only" in notes
    assert f"helm test hacluster -n {NAMESPACE}" in notes
