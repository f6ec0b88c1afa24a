"""The marker for the password in keepalived.conf, and what a change of it means for the roll-out."""

from typing import Any

import pytest

from hacluster import names
from hacluster.api.secrets import SecretKind, named_secrets
from hacluster.nodeconfig import AgentConfig, Authentication, File
from hacluster.plan.texts.advert_settings import advert_settings_of
from tests.unit.plan.clusters import cluster, node, plan


def made(secret: dict[str, Any] | None = None, **spec: Any) -> dict[File, str]:
    vrrp = {"version": 2, "advertisementInterval": "1s"} | ({"authenticationSecret": secret} if secret else {})
    both = node("n1", internal="192.0.2.1", eth0=["192.0.2.1/24", "2001:db8::1/64"])
    return dict(plan(cluster(vrrp=vrrp, **spec), both).texts["n1"])


def test_only_routers_of_version_2_have_one() -> None:
    routers = [{"virtualIPs": ["192.0.2.10/24"]}, {"virtualIPs": ["2001:db8::10/64"]}]
    text = made({"name": "vrrp", "key": "k"}, virtualRouters=routers)[File.KEEPALIVED]
    first, second = text.split("vrrp_instance ")[1:]
    assert f"    {names.authentication_marker('vrrp', 'k')}\n" in first and names.AUTHENTICATION_MARK not in second
    assert names.AUTHENTICATION_MARK not in made()[File.KEEPALIVED]


def test_the_agent_is_told_which_key_of_which_secret() -> None:
    agent = AgentConfig.model_validate_json(made({"name": "vrrp"})[File.AGENT])
    assert agent.authentication == Authentication(name="vrrp", key="password", field="spec.vrrp.authenticationSecret")
    assert [each.name for each in agent.secrets] == ["vrrp"] and agent.certificates == agent.credentials == ()
    assert AgentConfig.model_validate_json(made()[File.AGENT]).authentication is None


@pytest.mark.parametrize("other", [None, {"name": "other"}, {"name": "vrrp", "key": "other"}])
def test_another_secret_or_key_or_none_is_given_to_all_nodes_at_once(other: dict[str, Any] | None) -> None:
    assert advert_settings_of(made({"name": "vrrp"})) != advert_settings_of(made(other))
    assert advert_settings_of(made({"name": "vrrp"})) == advert_settings_of(
        made({"name": "vrrp"}, tolerations=[{"operator": "Exists"}])
    )


def test_it_is_one_of_the_secrets_that_the_resource_names() -> None:
    vrrp = {"version": 2, "advertisementInterval": "1s", "authenticationSecret": {"name": "a"}}
    found = list(named_secrets(cluster(vrrp=vrrp).spec))
    assert [(each.name, each.field, each.kind) for each in found] == [
        ("a", "spec.vrrp.authenticationSecret", SecretKind.AUTHENTICATION)
    ]
