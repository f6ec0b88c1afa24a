"""The Secrets that a rehearsal makes."""

import base64
import json
from pathlib import Path

from hacluster.agent.secrets.passwords import password_of
from hacluster.agent.vrrp.authentication import password_in
from hacluster.nodeconfig import File
from hacluster.rehearse.passwords import completed, provide_password
from tests.unit.plan.texts.test_authentication import made

VRRP, OTHER = made({"name": "vrrp"}), made({"name": "vrrp", "key": "other"})


def data(file: Path) -> dict[str, dict[str, str]]:
    return {each["metadata"]["name"]: each["data"] for each in json.loads(file.read_text())["items"]}


def test_each_secret_that_is_named_gets_a_password_once(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    provide_password(file, made())
    assert not file.exists()
    for texts in (VRRP, OTHER, made({"name": "second"})):
        provide_password(file, texts)
    found = data(file)
    assert {name: sorted(each) for name, each in found.items()} == {"vrrp": ["other", "password"], "second": ["password"]}
    assert len({password_of(each, key) for each in found.values() for key in each}) == 3


def test_what_a_test_has_put_there_stays(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    wanted = {"password": base64.b64encode(b"mine").decode()}
    file.write_text(json.dumps({"items": [{"metadata": {"name": "vrrp"}, "data": wanted}]}))
    provide_password(file, VRRP)
    assert data(file) == {"vrrp": wanted}


def test_daemons_without_an_agent_have_the_same_password(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    provide_password(file, VRRP)
    assert password_in(completed(VRRP, File.KEEPALIVED)) == password_of(data(file)["vrrp"], "password")
    assert completed(VRRP, File.HAPROXY) == VRRP[File.HAPROXY] and password_in(completed(made(), File.KEEPALIVED)) == ""
