"""Reading the answers of the daemons: HAProxy's master after a reload, and the output of checks."""

from hacluster.agent.config.daemons import ACCEPTED, Answer, Verdict, parse_reload_answer, shorten_output


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
