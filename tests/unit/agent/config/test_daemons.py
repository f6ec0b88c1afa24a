"""Reading the answers of the daemons: HAProxy's master after a reload, and the output of checks."""

from pathlib import Path

from hacluster.agent.config.daemons import ACCEPTED, Answer, RealDaemons, Verdict, parse_reload_answer, shorten_output
from hacluster.agent.keepalived.process import Keepalived
from hacluster.agent.paths import Paths
from hacluster.nodeconfig import File


def test_a_refusal_by_the_haproxy_master_keeps_only_the_alert() -> None:
    assert parse_reload_answer("Success=1\n--\n[NOTICE] (1) : Loading success.\n") == ACCEPTED
    for other_line in ("[NOTICE]   (1) : haproxy version is 3.0", "[WARNING]  (1) : Paused."):
        refused = parse_reload_answer(f"Success=0\n--\n{other_line}\n[ALERT]    (14278) : config : unknown keyword 'x'\n")
        assert refused == Verdict(Answer.REFUSED, "config : unknown keyword 'x'")
    assert parse_reload_answer("").answer is Answer.ABSENT


def test_a_message_is_short_and_has_no_date() -> None:
    output = "Sun Nov 22 12:45:17 2026: (Line 4) Unknown keyword 'x'\n\n"
    assert shorten_output(output) == "(Line 4) Unknown keyword 'x'"
    assert len(shorten_output("word " * 1000)) <= 600


async def test_a_keepalived_that_ends_with_its_pod_has_refused_nothing(tmp_path: Path) -> None:
    class Ending(Keepalived):
        async def reload(self) -> bool:
            return False

    paths = Paths(run=tmp_path)
    daemons = RealDaemons(paths, Ending(paths))
    assert (await daemons.reload(File.KEEPALIVED)).answer is Answer.REFUSED
    paths.leave.touch()
    assert (await daemons.reload(File.KEEPALIVED)).answer is Answer.ABSENT
