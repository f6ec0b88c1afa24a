"""What the stand-in of a server answers."""

from pathlib import Path

import pytest
import yaml

from hacluster.api import parse
from hacluster.api.spec import HealthCheck
from hacluster.rehearse.dialogues import Dialogue, Reply, answer, begins_tls, proxy_header
from hacluster.rehearse.facts import make_layout
from hacluster.rehearse.stand_ins import _dialogue, dialogues

SAMPLES = Path(__file__).parents[3] / "manifests" / "samples"
PAGE = b"<h1>page</h1>"
V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12)


def check(**fields: object) -> HealthCheck:
    return HealthCheck.model_validate(fields)


@pytest.mark.parametrize(
    ("head", "body", "stays"),
    [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", PAGE, True),
        ("GET / HTTP/1.1\r\nconnection: close\r\n\r\n", PAGE, False),
        ("OPTIONS / HTTP/1.0\r\n\r\n", b"", False),
        ("HEAD /x?y=1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", b"", True),
        ("nonsense\r\n\r\n", b"", False),
    ],
)
def test_each_method_is_answered_as_its_version_asks(head: str, body: bytes, stays: bool) -> None:
    reply = answer(head.encode() + b"next", PAGE, Dialogue())
    first, _, rest = reply.text.partition(b"\r\n")
    assert first.endswith(b" 200 OK") and rest.partition(b"\r\n\r\n")[2] == body and reply.stays is stays
    assert b"Content-Length: 13\r\n" in rest and reply.consumed == len(head)


def test_half_a_request_waits_for_the_other_half() -> None:
    assert answer(b"GET / HTTP/1.1\r\nHost: x\r\n", PAGE, Dialogue()) == Reply()


@pytest.mark.parametrize(
    ("received", "length"),
    [
        (V2 + b"GET", 28),
        (V2[:12], 0),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET", 32),
        (b"PROXY UNKNOWN", 0),
        (b"GET / HTTP/1.1\r\n", 0),
    ],
)
def test_the_header_of_the_proxy_protocol_is_recognized(received: bytes, length: int) -> None:
    assert proxy_header(received) == length


def test_a_handshake_is_recognized_by_its_first_byte() -> None:
    assert begins_tls(b"\x16\x03\x01") and not begins_tls(b"GET") and not begins_tls(b"")


def test_postgresql_welcomes_a_login() -> None:
    startup = b"\0\x03\0\0user\0haproxy\0\0"
    startup = (len(startup) + 4).to_bytes(4) + startup
    assert answer(startup, PAGE, Dialogue()) == Reply(b"R\0\0\0\x08\0\0\0\0", len(startup))


def test_mysql_greets_and_accepts_a_login_and_http_is_answered_all_the_same() -> None:
    mysql = _dialogue(check(type="MySQL", user="haproxy"))
    greeting = mysql.opening.encode("latin-1")
    assert int.from_bytes(greeting[:3], "little") == len(greeting) - 4 and greeting[3:5] == b"\0\x0a"
    login = b"\x03\0\0\x01abc"
    assert answer(login + b"\x01\0\0\0\x01", PAGE, mysql, opened=True) == Reply(b"\x07\0\0\x02\0\0\0\x02\0\0\0", len(login))
    assert answer(b"\x01\0\0\0\x01", PAGE, mysql, opened=True) == Reply(consumed=5, stays=False)
    assert answer(login[:6], PAGE, mysql, opened=True) == Reply()
    assert answer(b"GET / HTTP/1.0\r\n\r\n", PAGE, mysql).text.endswith(PAGE)


def test_each_step_of_an_exchange_is_answered_with_what_is_expected() -> None:
    steps = [
        {"expect": "220 "},
        {"send": "PING\r\n", "expect": "+PONG"},
        {"expect": " again"},
        {"send": "PING\r\nQUIT", "expect": "bye"},
    ]
    found = _dialogue(check(type="Exchange", exchange=steps))
    assert found.opening == "220 "
    assert answer(b"PING\r\nmore", PAGE, found) == Reply(b"+PONG again", 6)
    assert answer(b"PING\r\nQUIT", PAGE, found) == Reply(b"bye", 10)
    assert answer(b"GET / HTTP/1.0\r\n\r\n", PAGE, found).text.endswith(PAGE)
    assert Dialogue.load(found.dump()) == found and Dialogue.load(Dialogue().dump()) == Dialogue()


def test_servers_that_are_checked_by_a_dialogue_have_it_at_the_port_that_is_checked() -> None:
    cluster = parse(yaml.safe_load((SAMPLES / "databases.yaml").read_text()))
    found = dialogues(cluster, make_layout(cluster))
    assert {(str(address), port): bool(each.mysql) for (address, port), each in found.items()} == {
        ("192.168.60.91", 3306): True, ("192.168.60.92", 3306): True, ("192.168.60.91", 6379): False, ("192.168.60.92", 6379): False,
    }  # fmt: skip


def test_endpoints_of_a_service_have_the_dialogue_of_its_check() -> None:
    manifest = yaml.safe_load((SAMPLES / "service.yaml").read_text())
    manifest["spec"]["haproxy"]["listeners"][1]["healthCheck"] = {"type": "MySQL"}
    cluster = parse(manifest)
    layout = make_layout(cluster)
    assert list(dialogues(cluster, layout)) == list(layout.services["ingress"][443])
