"""The password of the advertisements comes from a Secret: the agent and a real keepalived."""

import base64
import json
import string
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from hacluster import names
from hacluster.agent.vrrp.authentication import as_sent
from hacluster.api.vrrp import OTHER_PASSWORD_CHARACTERS
from hacluster.nodeconfig import AgentConfig, Authentication, File
from tests.daemons.agent.node import Node
from tests.daemons.agent.other_host import OTHER_IP, OtherHost
from tests.daemons.agent.wanted import VIP, Wanted
from tests.waiting import eventually

pytestmark = pytest.mark.daemons

INSIDE = Path(__file__).with_name("inside_authentication.py")
FIELD = "spec.vrrp.authenticationSecret"
LIST = f"{names.RUN_DIR}/secret-objects.json"
ROTATED = 5.0
"""Seconds in which a changed Secret has to be loaded."""
A, B = "plant-1#", "!plant2"


@dataclass(frozen=True)
class Authenticated(Wanted):
    """Version 2 with the password of this Secret; empty: without authentication."""

    secret: str = "vrrp"
    interval_ms: int = 1000

    def files(self) -> dict[File, str]:
        """The text of each file."""
        files = super().files()
        marker = f"  {names.authentication_marker(self.secret, 'password')}\n" if self.secret else ""
        conf = files[File.KEEPALIVED].replace("vrrp_version 3", "vrrp_version 2")
        agent = AgentConfig.model_validate_json(files[File.AGENT])
        wanted = Authentication(name=self.secret, key="password", field=FIELD) if self.secret else None
        routers = tuple(each.model_copy(update={"version": 2}) for each in agent.routers)
        agent = agent.model_copy(update={"authentication": wanted, "routers": routers})
        return files | {
            File.KEEPALIVED: conf.replace("  virtual_ipaddress {", f"{marker}  virtual_ipaddress {{"),
            File.AGENT: agent.model_dump_json(),
        }


def put(node: Node, **secrets: str | None) -> None:
    """The Secrets that there are, with their passwords; None: one without keys."""
    items = [
        {"metadata": {"name": name}, "data": {} if each is None else {"password": base64.b64encode(each.encode()).decode()}}
        for name, each in secrets.items()
    ]
    text = base64.b64encode(json.dumps({"items": items}).encode()).decode()
    node.run("sh", "-c", f"printf %s {text} | base64 -d >{LIST}.new && mv {LIST}.new {LIST}")


def inside(node: Node, *arguments: str) -> Any:
    """What a command of `inside_authentication.py` prints."""
    return json.loads(node.run("python3", "-c", INSIDE.read_text(), *arguments))


def assert_sent(node: Node, password: str) -> None:
    """Asserts that keepalived sends this password, and no other."""
    assert inside(node, "sent", "1.3") == [[51, as_sent(password).decode()]], node.log("agent")[-2000:]


@pytest.fixture
def started(node: Node) -> Node:
    """A node with the password A, which holds the virtual IP."""
    put(node, vrrp=A)
    node.start_all(Authenticated())
    assert_sent(node, A)
    return node


def test_keepalived_sends_and_says_every_accepted_character_as_it_is(node: Node) -> None:
    ends = [each + "x" + each for each in OTHER_PASSWORD_CHARACTERS]
    alone = [*OTHER_PASSWORD_CHARACTERS, "a", "7"]
    every = string.ascii_letters + string.digits + OTHER_PASSWORD_CHARACTERS
    mixed = [every[start : start + 8] for start in range(0, len(every), 8)]
    assert inside(node, "literal", json.dumps([*ends, *alone, *mixed])) == []


def test_a_changed_secret_is_loaded_and_the_router_stays_master(started: Node) -> None:
    pids, before = started.pids("keepalived"), started.log("keepalived")
    for password in (B, A):
        put(started, vrrp=password)
        began = time.monotonic()
        eventually(lambda password=password: assert_sent(started, password), within=ROTATED + 3)  # type: ignore[misc]
        print(f"loaded within {time.monotonic() - began:.1f} s")
        started.assert_entry(state="Master", virtualIPs=[VIP], problems=[])
    said = started.log("keepalived").removeprefix(before)
    assert "BACKUP" not in said and "FAULT" not in said and "priority 0" not in said, said
    assert started.pids("keepalived") == pids


def test_authentication_goes_comes_and_names_another_secret(started: Node) -> None:
    put(started, vrrp=A, other=B)
    for number, (secret, password) in enumerate((("", ""), ("vrrp", A), ("other", B), ("", "")), start=2):
        started.want(replace(Authenticated(), revision=f"r{number}", secret=secret))
        eventually(lambda number=number: started.assert_entry(configRevision=f"r{number}"), within=15)  # type: ignore[misc]
        assert_sent(started, password)
        started.assert_entry(state="Master", virtualIPs=[VIP], problems=[])
    assert "BACKUP" not in started.log("keepalived").partition("Entering MASTER")[2]


def test_the_last_good_password_stays_whatever_happens(started: Node) -> None:
    for secrets, reason, why in (
        ({"vrrp": "longer than 8"}, "SecretInvalid", "has 13 bytes"),
        ({"vrrp": 'a"b'}, "SecretInvalid", "has a character"),
        ({"vrrp": None}, "SecretInvalid", "no key password"),
        ({}, "SecretMissing", "there is none"),
    ):
        put(started, **secrets)
        parts = (FIELD, "Secret vrrp", why, "The last good one stays in force")
        eventually(lambda reason=reason, parts=parts: started.assert_problem(reason, *parts), within=10)  # type: ignore[misc]
    assert_sent(started, A)
    started.run("rm", LIST)  # as if the API server were away
    started.react("KILL", "hacluster", "gone=hacluster")
    started.react("KILL", "keepalived.conf", "gone=keepalived")
    started.start_agent()
    started.start_keepalived()
    eventually(lambda: assert_sent(started, A), within=20)
    started.assert_entry(state="Master", virtualIPs=[VIP])
    put(started, vrrp=B)
    eventually(lambda: assert_sent(started, B), within=10)


def test_a_secret_that_is_missing_holds_the_new_configuration_up_and_nothing_else(started: Node) -> None:
    started.want(replace(Authenticated(), revision="r2", secret="missing", text="two"))
    eventually(lambda: started.assert_problem("SecretMissing", FIELD, "Secret missing", "what runs goes on"), within=10)
    started.assert_entry(configRevision="r1", state="Master", virtualIPs=[VIP])
    assert_sent(started, A)
    put(started, vrrp=A, missing=B)
    eventually(lambda: started.assert_entry(configRevision="r2", problems=[]), within=15)
    assert_sent(started, B)


def test_another_password_than_the_file_s_is_noticed_and_repaired(started: Node) -> None:
    """keepalived has read the file with another password, and the file is right again: only keepalived itself tells it."""
    conf, pid = names.KEEPALIVED_CONF, f"$(cat {names.KEEPALIVED_PID})"
    change = f"cp -p {conf} /log/saved; sed -i 's/plant-1#/stranger/' {conf}; kill -HUP {pid}; sleep 0.3"
    started.run("sh", "-c", f"{change}; cp -p /log/saved {conf}; rm /log/saved")
    eventually(lambda: started.assert_problem("ConfigurationRestored"), within=15)
    eventually(lambda: assert_sent(started, A), within=10)


def test_no_password_is_anywhere_but_in_two_files_of_root(started: Node) -> None:
    put(started, vrrp="longer than 8")
    eventually(lambda: started.assert_problem("SecretInvalid"), within=10)
    put(started, vrrp=B)
    eventually(lambda: assert_sent(started, B), within=10)
    # Also while keepalived is asked for its data.
    started.run("sh", "-c", f"kill -USR1 $(cat {names.KEEPALIVED_PID}); sleep 1; test -s {names.RUN_DIR}/keepalived.data")
    started.run("rm", LIST)
    for password in (A, B, "longer than 8"):
        for text in (password, base64.b64encode(password.encode()).decode()):
            find = started.run("sh", "-c", 'grep -rlF -e "$1" /run/hacluster /log; true', "sh", text).split()
            allowed = {names.KEEPALIVED_CONF, f"{names.RUN_DIR}/good/keepalived.conf", f"{names.RUN_DIR}/keepalived.data"}
            assert set(find) <= (allowed if password == B else set()), (password, find)
            lines = started.run("sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '", check=False)
            assert text not in lines
    modes = started.run(
        "sh", "-c", f"cd {names.RUN_DIR}; stat -c '%n %a %U' keepalived.conf good/keepalived.conf keepalived.data"
    )
    assert all(line.endswith(" 600 root") for line in modes.splitlines()), modes


@pytest.mark.parametrize(("password", "accepted"), [(A, True), (B, False), ("", False)])
def test_the_final_advertisement_has_the_password(node: Node, other: OtherHost, password: str, accepted: bool) -> None:
    """It is the last word of a keepalived that was killed. Another keepalived drops one with another password."""
    conf = f'vrrp_instance VI_1 {{\n    authentication {{\n        auth_type PASS\n        auth_pass "{password}"\n    }}\n}}\n'
    wanted = Authenticated(neighbours=(OTHER_IP,))
    router = AgentConfig.model_validate_json(wanted.files()[File.AGENT]).routers[0]
    other.start_keepalived(version=2, interval="1", password=A)

    def assert_heard() -> None:
        node.run("python3", "/listening.py", "resign", router.model_dump_json(), conf if password else "")
        log = other.run("cat", "/log/keepalived")
        assert ("eceived priority 0" if accepted else "received a") in log, log[-1500:]
        assert accepted or "eceived priority 0" not in log

    eventually(assert_heard, within=10)
