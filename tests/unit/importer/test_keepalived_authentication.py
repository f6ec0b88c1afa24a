"""`authentication` blocks: the Secret that the resource names, what the user has to do, and never the password."""

import pytest

from hacluster import names
from tests.unit.importer.helpers import ROUTER, lines, lost, of_keepalived, spec

CURE = "make the Secret: kubectl create secret generic vrrp --from-literal=password=PASSWORD"


def with_block(*directives: str, text: str = ROUTER) -> str:
    """The router with an authentication block of these lines."""
    return text.replace("    priority", "\n".join(("    authentication {", *directives, "    }", "    priority")))


PASS = ("auth_type PASS", "auth_pass secret12")


def test_a_password_becomes_a_secret_with_a_note_how_to_make_it() -> None:
    imported = of_keepalived(with_block(*PASS))
    assert spec(imported)["vrrp"]["authenticationSecret"] == {"name": "vrrp"}
    assert [each.partition(": auth_pass")[2] for each in lines(imported)] == [f" ***: {CURE}"]


@pytest.mark.parametrize(
    ("password", "more"),
    [
        ("secret123", "; of this password keepalived used the first 8 characters only, and they are the value"),
        ("se<cret", f"; choose another password, of letters, digits and {'!#%&()*+,-./:;=?@[]^_|~'}"),
    ],
)
def test_what_the_operator_cannot_have_is_said_without_the_password(password: str, more: str) -> None:
    imported = of_keepalived(with_block("auth_type PASS", f"auth_pass {password}"))
    (line,) = lines(imported)
    assert line.endswith(f"{CURE}{more}") and password not in line and lost(imported) == []


def test_the_nodes_have_to_have_one_password_of_which_the_first_eight_characters_count() -> None:
    first = with_block(*PASS)
    assert lost(of_keepalived(first, first)) == []
    assert lost(of_keepalived(first, with_block("auth_type PASS", "auth_pass secret12345"))) == []
    for other in (with_block("auth_type PASS", "auth_pass other"), ROUTER):
        (line,) = lost(of_keepalived(first, other))
        assert "differs from node1.conf:" in line and "no field for different passwords" in line and "secret" not in line


@pytest.mark.parametrize(("only", "other"), [("auth_type PASS", "auth_pass"), ("auth_pass secret12", "auth_type")])
def test_half_of_it_had_no_effect(only: str, other: str) -> None:
    imported = of_keepalived(with_block(only))
    assert "authenticationSecret" not in spec(imported)["vrrp"]
    (line,) = lines(imported)
    assert line.startswith("note: ") and line.endswith(f"it had no effect without {other}")


def test_ah_is_lost() -> None:
    imported = of_keepalived(with_block("auth_type AH"))
    assert [each.partition(": ")[2] for each in lost(imported)] == ["auth_type AH: no field"]


def test_with_version_3_and_with_ipv6_it_had_no_effect() -> None:
    six = ROUTER.replace("10.0.0.100/24", "2001:db8::100/64")
    for text in (with_block(*PASS).replace("    priority", "    version 3\n    priority"), with_block(*PASS, text=six)):
        imported = of_keepalived(text)
        assert lost(imported) == [] and "authenticationSecret" not in spec(imported)["vrrp"]
        assert sum("version 3 has no authentication" in each for each in lines(imported)) == 2


def test_the_operators_own_file_names_the_secret() -> None:
    text = ROUTER.replace("    priority", f"    {names.authentication_marker('mine', 'a.b')}\n    priority")
    assert spec(of_keepalived(text))["vrrp"]["authenticationSecret"] == {"name": "mine", "key": "a.b"}
