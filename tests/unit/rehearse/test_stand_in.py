"""The stand-in for a user's own server."""

import pytest

from hacluster.rehearse.stand_in import answer

PAGE = b"<h1>page</h1>"


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
    reply, kept = answer(head, PAGE)
    first, _, rest = reply.partition(b"\r\n")
    assert first.endswith(b" 200 OK") and rest.partition(b"\r\n\r\n")[2] == body and kept is stays
    assert b"Content-Length: 13\r\n" in rest
