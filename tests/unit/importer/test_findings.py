"""What becomes of directives: nothing is left out silently, and no secret is shown."""

import pytest

from hacluster.importer.findings import Directive, Finding, Ledger, Place, Severity
from hacluster.importer.secrets import shown
from tests.unit.importer.helpers import LISTEN, ROUTER, lines, lost, of_haproxy, of_keepalived, spec


def _directive(line: int = 1) -> Directive:
    return Directive(Place("haproxy.cfg", line), ("balance", "hdr(x)"), "balance hdr(x)")


def test_a_directive_of_which_nobody_says_anything_is_lost() -> None:
    ledger = Ledger()
    for each in (one := _directive(41)), (other := _directive(42)), _directive(43):
        ledger.add(each)
    ledger.carried(one)
    ledger.noted(other, "changed")
    assert [str(each) for each in ledger.close(["haproxy.cfg"])] == [
        "note: haproxy.cfg:42: balance hdr(x): changed",
        "haproxy.cfg:43: balance hdr(x): no field",
    ]


def test_findings_are_in_the_order_of_files_and_lines() -> None:
    ledger = Ledger()
    ledger.miss(None, "of the whole")
    for file, line in (("b", 1), ("a", 9), ("a", 2)):
        ledger.note(Place(file, line), "x")
    assert [each.place for each in ledger.close(["a", "b"])] == [Place("a", 2), Place("a", 9), Place("b", 1), None]


def test_a_finding_names_file_and_line() -> None:
    assert (
        str(Finding(Severity.LOSS, Place("haproxy.cfg", 41), "balance hdr(x)", "no field"))
        == "haproxy.cfg:41: balance hdr(x): no field"
    )


def test_an_unknown_directive_of_any_section_is_lost_with_its_line() -> None:
    text = LISTEN.replace("    mode http", "    mode http\n    brand-new-thing on").replace(
        "    maxconn", "    brand-new\n    maxconn"
    )
    assert lost(of_haproxy(text)) == ["haproxy.cfg:3: brand-new: no field", "haproxy.cfg:8: brand-new-thing on: no field"]


def test_an_unknown_directive_of_keepalived_is_lost_with_its_line() -> None:
    text = ROUTER.replace("    priority 100", "    priority 100\n    brand_new {\n        a\n    }")
    assert lost(of_keepalived(text)) == ["node1.conf:12: brand_new: no field"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("stats", "auth", "admin:secret"), "stats auth admin:***"),
        (("auth_pass", "secret"), "auth_pass ***"),
        (("user", "me", "insecure-password", "secret"), "user me insecure-password ***"),
        (("http-request", "set-header", "Authorization", "Basic secret"), "http-request set-header Authorization ***"),
        (("http-check", "send", "hdr", "X-Api-Key", "secret"), "http-check send hdr X-Api-Key ***"),
        (("tcp-check", "send", "AUTH secret\r\n"), "tcp-check send ***"),
        (("tcp-check", "send", "*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n"), "tcp-check send ***"),
        (("tcp-check", "send-binary", b"AUTH secret".hex()), "tcp-check send-binary ***"),
    ],
)
def test_secrets_are_masked(words: tuple[str, ...], text: str) -> None:
    assert shown(words, " ".join(words)) == text


def test_other_words_are_shown_as_they_are_written() -> None:
    assert (
        shown(("server", "auth", "10.0.0.1:80", "cookie", "a b"), r"server auth 10.0.0.1:80 cookie a\ b")
        == r"server auth 10.0.0.1:80 cookie a\ b"
    )


def test_no_secret_is_in_the_findings_or_the_resource() -> None:
    haproxy = """
    global
        stats socket /x level admin
    userlist u
        user me password $5$s3cret
        user me insecure-password s3cret
    listen web
        bind :80
        mode http
        stats auth me:s3cret
        http-request set-header Authorization "Basic s3cret" # s3cret
        http-request set-header X-Token s3cret
        option httpchk
        http-check send hdr Authorization s3cret
        server a 10.0.0.1:80 check
    listen redis
        bind :6379
        option tcp-check
        tcp-check send AUTH\\ s3cret\\r\\n
        tcp-check expect string +OK
        server a 10.0.0.1:80 check
    listen broken
        stats auth "me:s3cret
    """
    router = ROUTER.replace("    priority", "    authentication { auth_type PASS auth_pass s3cret }\n    priority")
    router = router.replace("    priority", "    authentication {\n auth_type PASS\n auth_pass s3cret # s3cret\n }\n    priority")
    imported = of_haproxy(haproxy, router)
    assert len(lost(imported)) > 8
    assert "s3cret" not in "\n".join(lines(imported))
    assert "s3cret" not in str(imported.resource)


def test_a_lost_login_leaves_no_half_of_a_dialogue() -> None:
    imported = of_haproxy("""
    listen redis
        bind :6379
        option tcp-check
        tcp-check send AUTH\\ s3cret\\r\\n
        tcp-check expect string +OK
        server a 10.0.0.1:80 check
    """)
    assert "exchange" not in str(spec(imported))
    assert lost(imported) == ["haproxy.cfg:5: tcp-check send ***: no field for a password: a resource is no place for secrets"]


def test_a_name_of_many_lines_is_one_line_in_a_message() -> None:
    imported = of_haproxy(
        'listen "a\\nb" \n    bind :80\n    mode http\n    server a 10.0.0.1:80\nlisten ' + "x" * 9999 + "\n    disabled\n"
    )
    assert all("\n" not in str(each) and len(str(each)) < 700 for each in imported.findings)
    assert any("listen a b has no timeout" in str(each) for each in imported.findings)
