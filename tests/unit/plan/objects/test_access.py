"""What the agents may do in the API server: ServiceAccount, token, Role and HAClusterNodes."""

from hacluster.plan import Agents, make_plan
from tests.unit.plan.clusters import SETTINGS, cluster, nodes, plan
from tests.unit.plan.objects.lookup import containers, find, pod


def test_only_the_container_of_the_agent_has_a_token() -> None:
    made = plan(cluster())
    for name in ("web-lb", "web-apache"):
        assert pod(made, name)["automountServiceAccountToken"] is False
    assert find(made, "ServiceAccount", "web-agent")["automountServiceAccountToken"] is False
    containers_with_token = [
        each["name"]
        for each in containers(pod(made, "web-lb")).values()
        if any(mount["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount" for mount in each["volumeMounts"])
    ]
    assert containers_with_token == ["agent"]
    assert "serviceAccountName" not in pod(made, "web-apache")


def test_the_role_names_every_object_that_an_agent_may_use() -> None:
    rules = find(plan(cluster(), *nodes(2)), "Role", "web-agent")["rules"]
    assert [(rule["resources"], rule["resourceNames"], rule["verbs"]) for rule in rules] == [
        (["haclusternodes"], ["web.n1", "web.n2"], ["get", "watch"]),
        (["haclusternodes/status"], ["web.n1", "web.n2"], ["get", "patch"]),
    ]


def test_only_with_a_service_as_backend_may_the_agents_read_services_and_their_endpoints() -> None:
    service = {"service": {"name": "shop", "port": 80}}
    route = {"pathPrefix": "/", "backend": service}
    for listener in ({"backend": service}, {"backend": {"apache": {}}, "routes": [route]}):
        rules = find(plan(cluster(haproxy={"listeners": [{"name": "web", "port": 80, **listener}]})), "Role", "web-agent")[
            "rules"
        ]
        assert rules[2:] == [
            {"apiGroups": [""], "resources": ["services"], "verbs": ["list", "watch"]},
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
        ]
    assert len(find(plan(cluster()), "Role", "web-agent")["rules"]) == 2


def test_agents_may_read_the_secrets_that_the_resource_names_each_by_its_name() -> None:
    listeners = [
        {"name": name, "port": port, "tls": {"secretNames": secrets}, "backend": {"apache": {}}}
        for name, port, secrets in (("one", 443, ["b", "a"]), ("two", 444, ["a"]))
    ]
    rules = find(plan(cluster(haproxy={"listeners": listeners})), "Role", "web-agent")["rules"]
    assert rules[2:] == [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a", "b"], "verbs": ["get", "watch"]}]


def test_the_role_names_the_secrets_of_the_resource_and_no_others() -> None:
    listeners = [{"name": "web", "port": 80, "backend": {"apache": {}}}]
    named = cluster(haproxy={"stats": {"credentialsSecret": {"name": "stats"}}, "listeners": listeners})
    rules = find(plan(named, *nodes(2)), "Role", "web-agent")["rules"]
    assert rules[-1] == {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["stats"], "verbs": ["get", "watch"]}
    assert "secrets" not in str(find(plan(cluster(), *nodes(2)), "Role", "web-agent")["rules"])


def test_the_role_names_the_secret_with_the_password_of_advertisements() -> None:
    vrrp = {"version": 2, "advertisementInterval": "1s", "authenticationSecret": {"name": "vrrp"}}
    rules = find(plan(cluster(vrrp=vrrp), *nodes(2)), "Role", "web-agent")["rules"]
    assert rules[-1] == {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["vrrp"], "verbs": ["get", "watch"]}


def test_without_nodes_no_rule_allows_all_objects() -> None:
    assert find(make_plan(cluster(), (), SETTINGS), "Role", "web-agent")["rules"] == []


def test_while_earlier_agents_run_they_keep_their_right_on_the_status() -> None:
    agents = Agents(("n1",), earlier=True)
    rules = find(make_plan(cluster(), nodes(1), SETTINGS, agents=agents), "Role", "web-agent")["rules"]
    assert (rules[-1]["resources"], rules[-1]["resourceNames"]) == (["haclusters/status"], ["web"])


def test_a_node_whose_pod_still_runs_keeps_its_object() -> None:
    made = make_plan(cluster(), nodes(1), SETTINGS, agents=Agents(("gone", "n1")))
    assert find(made, "HAClusterNode", "web.gone")["spec"] == {"cluster": "web", "nodeName": "gone"}
    assert "web.gone" in find(made, "Role", "web-agent")["rules"][0]["resourceNames"]
