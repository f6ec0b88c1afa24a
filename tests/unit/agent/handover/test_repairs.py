"""What is reported of the parts of the forwarding that another program removed."""

from hacluster.agent.handover.repairs import REPORTED_FOR, Part, Repairs
from hacluster.api.reasons import Reason


def test_a_repair_is_reported_for_a_minute_with_its_cause_and_cure() -> None:
    repairs = Repairs()
    assert repairs.problems(0.0) == ()
    repairs.record({Part.RULES, Part.TABLES}, 10.0)
    (problem,) = repairs.problems(11.0)
    assert problem.reason == Reason.FORWARDING_REPAIRED
    for word in ("preference 5151", "ManageForeignRoutingPolicyRules=no", "nftables.service"):
        assert word in problem.message
    assert repairs.problems(10.0 + REPORTED_FOR) == ()


def test_the_report_stays_the_same_while_it_happens_again_and_again() -> None:
    repairs = Repairs()
    reported = set()
    for at in range(0, 600, 20):
        repairs.record({Part.TABLES}, float(at))
        reported.add(repairs.problems(float(at) + 19))
    assert len(reported) == 1 and all(reported)


def test_the_longest_message_fits_into_status() -> None:
    repairs = Repairs()
    repairs.record(set(Part), 0.0)
    assert len(repairs.problems(1.0)) == 1
