"""The password of the statistics page comes from a Secret: the agent and a real HAProxy with what the operator renders."""

import base64
import json
from dataclasses import dataclass, replace
from typing import Any

import pytest

from hacluster import names
from hacluster.nodeconfig import AgentConfig, Credentials, File
from tests.daemons.agent.node import Node
from tests.daemons.agent.wanted import Wanted
from tests.unit.plan.clusters import cluster, plan
from tests.waiting import eventually

pytestmark = pytest.mark.daemons

FIELD = "spec.haproxy.stats.credentialsSecret"
LIST = f"{names.RUN_DIR}/secret-objects.json"
ROTATED = 5.0
"""Seconds in which a changed Secret has to count."""
ONE, TWO = ("admin", "planted-0ne #:ä"), ("root", "planted-2wo")
_ASK = "use IO::Socket::UNIX; $s = IO::Socket::UNIX->new(shift); print $s qq(@ARGV\\n); $s->shutdown(1); print while <$s>"


@dataclass(frozen=True)
class WithPage(Wanted):
    """A front door whose statistics page asks for what a Secret says; `secret` is its name, empty: it asks for nothing."""

    secret: str = "stats"

    def files(self) -> dict[File, str]:
        """haproxy.cfg is as the operator renders it."""
        stats: dict[str, Any] = (
            {"credentialsSecret": {"name": self.secret}, "metrics": True} if self.secret else {"metrics": True}
        )
        listeners = [{"name": "web", "port": 80, "backend": {"servers": [{"name": "a", "address": "127.0.0.1", "port": 9001}]}}]
        rendered = plan(cluster(haproxy={"stats": stats, "listeners": listeners}, apache=None)).texts["n1"][File.HAPROXY]
        files = super().files()
        wanted = (Credentials(name=self.secret, field=FIELD),) if self.secret else ()
        agent = AgentConfig.model_validate_json(files[File.AGENT]).model_copy(update={"credentials": wanted})
        return files | {File.HAPROXY: rendered, File.AGENT: agent.model_dump_json()}


def put(node: Node, *, later: bool = False, **secrets: tuple[str, str] | None) -> None:
    """The Secrets that there are; None: one without keys. `later`: the list is written, but does not count yet."""
    items = [
        {
            "metadata": {"name": name},
            "data": {
                key: base64.b64encode(text.encode()).decode()
                for key, text in zip(("username", "password"), each or (), strict=False)
            },
        }
        for name, each in secrets.items()
    ]
    node.run("sh", "-c", f"printf %s {base64.b64encode(json.dumps({'items': items}).encode()).decode()} | base64 -d >{LIST}.new")
    if not later:
        node.run("mv", f"{LIST}.new", LIST)


_STATUS = "curl -s -o /dev/null -w %{http_code}"


def pages(node: Node, path: str = "/stats") -> list[str]:
    """The HTTP statuses that clients get with ONE, with TWO, and without a password."""
    url = f"http://127.0.0.1:8080{path}"
    script = f'{_STATUS} -u "$1" {url}; echo; {_STATUS} -u "$2" {url}; echo; {_STATUS} {url}'
    return node.run("sh", "-c", script, "sh", ":".join(ONE), ":".join(TWO), check=False).split()


def milliseconds_until_let_in(node: Node, login: tuple[str, str]) -> int:
    """Makes the list of `put(..., later=True)` the one that counts, and waits on the node itself until the login is accepted."""
    ask = f'[ "$({_STATUS} -u "$1" http://127.0.0.1:8080/stats)" = 200 ]'
    script = f"b=$(date +%s%N); mv {LIST}.new {LIST}; until {ask}; do sleep 0.05; done; echo $((($(date +%s%N) - b) / 1000000))"
    return int(node.run("sh", "-c", script, "sh", ":".join(login)))


def assert_pages(node: Node, one: str, two: str, nobody: str = "401") -> None:
    assert pages(node) == [one, two, nobody], node.log("agent")


@pytest.fixture
def started(node: Node) -> Node:
    """A node with the Secret, on which everything runs."""
    put(node, stats=ONE)
    node.start_all(WithPage())
    eventually(lambda: assert_pages(node, "200", "401"), within=15)
    return node


def test_a_changed_secret_counts_within_seconds_without_a_reload(started: Node) -> None:
    assert pages(started, "/metrics") == ["200", "401", "401"]
    before = started.pids("haproxy")
    for secret, expected in ((TWO, ("401", "200")), (ONE, ("200", "401"))):
        put(started, later=True, stats=secret)
        assert milliseconds_until_let_in(started, secret) < ROTATED * 1000
        assert_pages(started, *expected)
    assert started.pids("haproxy") == before


def test_the_last_good_credentials_stay_whatever_happens(started: Node) -> None:
    put(started, stats=None)
    eventually(lambda: started.assert_problem("SecretInvalid", FIELD, "Secret stats", "username", "stays in force"), within=15)
    put(started)
    eventually(
        lambda: started.assert_problem("SecretMissing", FIELD, "Secret stats", "there is none", "stays in force"), within=15
    )
    assert_pages(started, "200", "401")
    started.run("rm", LIST)  # as if the API server were away
    started.react("KILL", "hacluster", "gone=hacluster")
    started.run("sh", "-c", f"kill -KILL {' '.join(map(str, started.pids('haproxy')))}")
    eventually(lambda: _assert_none(started), within=15)
    started.start_agent()
    started.start_haproxy()
    eventually(lambda: assert_pages(started, "200", "401"), within=20)
    put(started, stats=TWO)
    eventually(lambda: assert_pages(started, "401", "200"), within=20)


def _assert_none(node: Node) -> None:
    assert not node.pids("haproxy")


def test_what_somebody_else_changed_is_put_back(started: Node) -> None:
    file = f"{names.CREDENTIALS_DIR}/stats"
    started.run("perl", "-e", _ASK, names.HAPROXY_ADMIN_SOCKET, f"clear acl {file}")
    eventually(lambda: assert_pages(started, "200", "401"), within=20)
    before = started.run("cat", file)
    started.run("sh", "-c", f"echo >{file}")

    def is_back() -> None:
        assert started.run("cat", file) == before

    eventually(is_back, within=20)


def test_another_secret_none_and_back(started: Node) -> None:
    put(started, stats=ONE, other=TWO)
    steps = (("other", "401", "200", "401"), ("", "200", "200", "200"), ("stats", "200", "401", "401"))
    for number, (secret, *expected) in enumerate(steps):
        started.want(replace(WithPage(), revision=f"r{number + 2}", secret=secret))
        eventually(lambda number=number: started.assert_entry(configRevision=f"r{number + 2}"), within=20)  # type: ignore[misc]
        eventually(lambda expected=expected: assert_pages(started, *expected), within=15)  # type: ignore[misc]
        assert started.run("ls", "-A", names.CREDENTIALS_DIR).split() == ([secret] if secret else [])
    put(started, other=TWO)  # a page that names a Secret which is missing is shut for those who had the other one
    started.want(replace(WithPage(), revision="r9", secret="missing"))
    eventually(lambda: assert_pages(started, "401", "401"), within=20)
    started.assert_entry(configRevision="r9", haproxy="Up", state="Master")


def test_no_value_is_anywhere(started: Node) -> None:
    put(started, stats=None)
    eventually(lambda: started.assert_problem("SecretInvalid"), within=15)
    put(started, stats=TWO)
    eventually(lambda: assert_pages(started, "401", "200"), within=20)
    started.run("rm", LIST)
    show = started.run("perl", "-e", _ASK, names.HAPROXY_ADMIN_SOCKET, f"show acl {names.CREDENTIALS_DIR}/stats")
    # Files and command lines of all processes, the logs and what was reported; each value as text and in base64.
    gather = f"find {names.RUN_DIR} /log -type f -exec cat {{}} +; cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '"
    rest = started.run("sh", "-c", gather, check=False)
    for user, password in (ONE, TWO):
        for text in (
            password,
            base64.b64encode(password.encode()).decode(),
            base64.b64encode(f"{user}:{password}".encode()).decode(),
        ):
            assert text not in show and text not in rest
    assert started.log("haproxy"), "the requests with passwords are in the log"
