"""The options of `hacluster rehearse`; tests/dataplane runs it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from hacluster.cli.rehearse import command

SAMPLE = Path(__file__).parents[3] / "manifests" / "samples" / "minimal.yaml"


@pytest.mark.parametrize(
    ("event", "words"),
    [("failback", ("not played by itself", "such as switchover")), ("nonsense", ("no event", "there are haproxy-crash"))],
)
def test_an_event_that_cannot_be_played_is_refused(event: str, words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(command, ["-f", str(SAMPLE), "--drill", "--event", event])
    assert result.exit_code == 2 and all(each in " ".join(result.output.split()) for each in words), result.output


def test_by_hand_a_check_that_needs_the_agent_is_refused_before_anything_starts() -> None:
    result = CliRunner().invoke(command, ["-f", str(SAMPLE), "--by-hand"])
    assert result.exit_code == 1 and "spec.vrrp.check.type" in result.output and "set Process" in result.output, result.output


def test_a_resource_whose_listeners_are_brought_by_services_is_refused() -> None:
    result = CliRunner().invoke(command, ["-f", str(SAMPLE.with_name("load-balancer.yaml"))])
    assert result.exit_code == 1 and "spec.haproxy.listeners" in result.output and "add one" in result.output, result.output
