"""A real API server and `hacluster validate` judge random resources over all fields alike, and store the same defaults.

`RESOURCES=2000` (`make resources`) asks for so many valid and so many invalid ones.
"""

import re

import pytest
from hypothesis import given, seed, settings

from hacluster.api import parse
from hacluster.api.spec_rules import SPEC_RULES
from tests.api.apiserver import Answer, ApiServer
from tests.resources import COUNT
from tests.resources.drawing import RANDOM, Drawn, resources
from tests.resources.mistakes import Changed, changed
from tests.resources.repair import problems_of
from tests.unit.api.examples import Resource

pytestmark = pytest.mark.apiserver

SHORT = 60
ONLY_HERE = {rule.message for rule in SPEC_RULES if not rule.cel}
"""Rules that exceed the API server's cost limit: the operator reports them."""


def _fields(answer: Answer) -> set[str]:
    """The fields that the server names, without indexes of lists where it cannot know them."""
    causes = answer.document.get("details", {}).get("causes", ())
    unknown = re.findall(r'unknown field "([^"]+)"', answer.message)
    return {each["field"] for each in causes if "field" in each} | set(unknown)


def _names(theirs: set[str], ours: set[str]) -> bool:
    """Whether the server names a field that `validate` names, or one around it, or inside it: what is in an object that is no number."""
    pairs = [(our, their) for our in ours for their in theirs]
    return any(
        one == other or one.startswith((f"{other}.", f"{other}["))
        for our, their in pairs
        for one, other in ((our, their), (their, our))
    )


def _difference(server: ApiServer, resource: Resource) -> str:
    """How the server judges the resource otherwise than `validate` does; empty: alike."""
    problems, answer = problems_of(resource), server.dry_run(resource)
    if problems and all(each.message in ONLY_HERE for each in problems):
        return ""
    theirs = _fields(answer)
    if answer.status not in {201, 400, 422} or bool(problems) != (answer.status != 201):
        return f"{problems}: {answer.status} {answer.message}"
    return f"{problems}: the server names {theirs}" if problems and not _names(theirs, {each.field for each in problems}) else ""


def test_both_accept_every_valid_resource_and_complete_it_alike(apiserver: ApiServer) -> None:
    """And both refuse what each was before its last mistake was mended."""
    wrong = []

    @seed(20261128)
    @settings(max_examples=COUNT or SHORT, **RANDOM)
    @given(resources())
    def check(drawn: Drawn) -> None:
        answer = apiserver.dry_run(drawn.valid)
        if answer.status != 201:
            wrong.append((answer.message, drawn.valid))
        elif parse(answer.document).spec != parse(drawn.valid).spec:
            wrong.append(("other defaults", drawn.valid))
        if drawn.mistaken is not None and (difference := _difference(apiserver, drawn.mistaken)):
            wrong.append((difference, drawn.mistaken))

    check()
    assert wrong == []


def test_both_refuse_the_same_changes_with_the_same_field(apiserver: ApiServer) -> None:
    wrong, invalid = [], 0

    @seed(20261129)
    @settings(max_examples=COUNT or SHORT, **RANDOM)
    @given(changed())
    def check(case: Changed) -> None:
        nonlocal invalid
        invalid += bool(problems_of(case.resource))
        if difference := _difference(apiserver, case.resource):
            wrong.append((case.field, difference, case.resource))

    check()
    assert wrong == []
    assert invalid >= (COUNT or SHORT) / 3
