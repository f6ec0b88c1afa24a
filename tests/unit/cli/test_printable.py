"""Control characters in what agents, nodes or users wrote do not reach the terminal."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from hacluster.cli import status, switchover, validate, watch
from hacluster.cli.printable import clean, printable

EVIL = "a\x1b]0;title\x07b\r\nc\x9b31m\u202ed"
SAFE = "a\\x1b]0;title\\x07b\\x0d\\x0ac\\x9b31m\\u202ed"


@given(st.text())
def test_what_is_printable_is_one_line_without_control_characters(text: str) -> None:
    shown = printable(text)
    assert len(shown.splitlines()) <= 1
    assert not any(ord(each) < 0x20 or 0x7F <= ord(each) < 0xA0 for each in shown)
    assert printable(shown) == shown


def test_letters_of_all_scripts_and_spaces_stay() -> None:
    assert printable("Größe 大 naïve – “ok”\u00a0x") == "Größe 大 naïve – “ok”\u00a0x"
    assert printable(EVIL) == SAFE


def test_keys_and_items_are_cleaned_and_other_values_stay() -> None:
    assert clean({EVIL: [EVIL, 1, None, {"x": EVIL}]}) == {SAFE: [SAFE, 1, None, {"x": SAFE}]}


def raw() -> dict[str, Any]:
    """A resource whose status has control characters in every text that a node, a user or an old operator may have chosen."""
    at = "2026-01-01T12:00:00Z"
    router = {"name": EVIL, "state": "Master", "priority": 1, "interface": EVIL, "virtualIPs": [EVIL], "since": at}
    return {
        "metadata": {"namespace": "web", "name": "web", "generation": 1},
        "spec": {"virtualRouters": [{"name": EVIL}, {"name": "other"}]},
        "status": {
            "observedGeneration": 1,
            "conditions": [
                {
                    "type": "Degraded", "status": "True", "reason": "Other", "message": EVIL,
                    "lastTransitionTime": at, "observedGeneration": 1,
                }
            ],
            "virtualIPs": [
                {
                    "address": EVIL, "router": EVIL, "virtualRouterID": 1, "holder": EVIL, "holders": [EVIL],
                    "lastHolder": EVIL, "since": EVIL[:20], "transitions": 1,
                }
            ],
            "nodes": [
                {
                    "name": EVIL, "routers": [router], "haproxy": "Up", "configRevision": EVIL,
                    "problems": [{"reason": EVIL, "message": EVIL}],
                }
            ],
            "lastFailover": {"router": EVIL, "from": EVIL, "to": EVIL, "reason": EVIL, "at": at},
        },
    }  # fmt: skip


class FakeClient:
    """Serves that resource."""

    async def list(self, kind: Any, **_: Any) -> AsyncIterator[dict[str, Any]]:
        if kind.plural == "haclusters":
            yield raw()

    async def get(self, *_: Any) -> dict[str, Any]:
        return raw()

    async def watch(self, *_: Any, **__: Any) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        yield "ADDED", raw()
        raise KeyboardInterrupt

    async def server_time(self) -> datetime:
        return datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def fake_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(work: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
        return asyncio.run(work(FakeClient()))

    for module in (status, watch, switchover):
        monkeypatch.setattr(module, "run", run)


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        (status, []),
        (status, ["-o", "json"]),
        (status, ["-o", "yaml"]),
        (status, ["web"]),
        (watch, []),
        (switchover, ["web", "--to", "x"]),
    ],
    ids=["status", "JSON", "YAML", "status of one", "watch", "switchover"],
)
def test_no_command_prints_a_nodes_control_characters(module: Any, arguments: list[str]) -> None:
    result = CliRunner().invoke(module.command, [*arguments, "-n", "web"])
    shown = result.output.replace("\n", "")
    assert "title" in shown, result.output
    assert shown.isprintable(), repr(shown)


def test_a_file_of_somebody_else_may_be_validated() -> None:
    manifest = json.dumps({"apiVersion": "hacluster.dev/v1alpha1", "kind": "HACluster", "spec": {EVIL: 1}})
    result = CliRunner().invoke(validate.command, ["-f", "-"], input=manifest)
    assert result.exit_code == 1 and result.output.replace("\n", "").isprintable(), repr(result.output)
