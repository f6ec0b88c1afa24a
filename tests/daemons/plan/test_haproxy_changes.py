"""What HAProxy does with X-Forwarded-For, the statistics page and requests without an answer, also after a change and back."""

import json
from pathlib import Path
from typing import Any

import pytest

from hacluster.nodeconfig import File
from tests.cluster import engine
from tests.unit.plan.clusters import cluster, plan

pytestmark = pytest.mark.daemons

INSIDE = Path(__file__).with_name("inside_haproxy.py")
OWN, FORGED = "127.0.0.1", "203.0.113.66"


def config(stats: bool = True, retries: int = 3, **listener: Any) -> str:
    """haproxy.cfg with one listener; its server is the one of `inside_haproxy.py`."""
    server = {"servers": [{"name": "echo", "address": "127.0.0.1", "port": 9001}]}
    haproxy = {
        "listeners": [{"name": "web", "port": 80, "backend": server, **listener}],
        "stats": {"enabled": stats},
        "retries": retries,
    }
    return plan(cluster(haproxy=haproxy, apache=None)).texts["n1"][File.HAPROXY]


@pytest.fixture(scope="module")
def results(node_image: str) -> list[dict[str, Any]]:
    """What each configuration does, one after the other in one HAProxy."""
    modes = (None, {"mode": "Append"}, {"mode": "None"}, {"mode": "Replace"}, True, False)
    texts = [config(**({} if mode is None else {"forwardFor": mode})) for mode in modes]
    texts += [config(stats=False), config(), config(retries=0), config()]
    output = engine(
        "run", "--rm", "--interactive", "--network", "none", "--volume", f"{INSIDE}:/inside.py:ro", "--entrypoint", "python3",
        node_image, "/inside.py", input=json.dumps(texts), timeout=120,
    ).stdout  # fmt: skip
    return [json.loads(line) for line in output.splitlines()]


def test_a_client_cannot_forge_its_address_unless_the_resource_asks_for_it(results: list[dict[str, Any]]) -> None:
    assert [each["forwarded"] for each in results[:6]] == [[OWN], [FORGED, OWN], [FORGED], [OWN], [OWN], [FORGED]]


def test_the_statistics_page_can_be_switched_off_and_on_again(results: list[dict[str, Any]]) -> None:
    assert [each["stats"] for each in results] == [200] * 6 + [None, 200, 200, 200]


def test_a_request_that_changes_nothing_is_sent_again_if_the_server_closed_without_an_answer(
    results: list[dict[str, Any]],
) -> None:
    once, again = {"GET": [502, 1], "POST": [502, 1]}, {"GET": [200, 2], "POST": [502, 1]}
    assert [each["closed"] for each in results] == [again] * 8 + [once, again]
