"""What the stand-in of a server answers: to an HTTP request its page, and to a health check of another kind what that expects. Pure.

Which protocol it is follows from the first bytes that arrive, so that a client that speaks HTTP is answered at every port, whatever the
port is checked with. `stand_in.py` reads and writes; `answer` says what. Nothing but the standard library is imported: a stand-in
starts in a moment, and many of them at a time.

Sources: PostgreSQL's documentation, "Message Formats"; MySQL's, "Protocol::HandshakeV10" and "OK_Packet"; HAProxy's "The PROXY protocol".
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

_PROXY_V1: Final = b"PROXY "
_PROXY_V2: Final = b"\r\n\r\n\0\r\nQUIT\n"
_PROXY_V2_HEAD: Final = 16
_TLS_HANDSHAKE: Final = 0x16
_POSTGRES_3: Final = b"\0\x03\0\0"
_POSTGRES_WELCOME: Final = b"R\0\0\0\x08\0\0\0\0"
_MYSQL_HEAD: Final = 4
_MYSQL_GREETING: Final = (
    b"\x0a8.0.0-stand-in\0" + b"\x01\0\0\0" + b"saltsalt\0" + b"\xff\xf7" + b"\x21" + b"\x02\0" + b"\xff\x81" + b"\x15"
    + bytes(10) + b"saltsaltsalt\0" + b"mysql_native_password\0"
)  # fmt: skip
_MYSQL_OK: Final = b"\0\0\0\x02\0\0\0"


@dataclass(frozen=True)
class Dialogue:
    """How a server talks besides HTTP. Texts have one character for each byte."""

    opening: str = ""
    """What it says first, to whoever waits for it."""
    answers: tuple[tuple[str, str], ...] = ()
    """Texts that may arrive, and what is said to each."""
    mysql: bool = False
    """Whether what follows the opening is a login to MySQL."""

    def dump(self) -> str:
        """As an argument of the stand-in."""
        return json.dumps(asdict(self))

    @staticmethod
    def load(text: str) -> "Dialogue":
        """The opposite of `dump`."""
        found: dict[str, Any] = json.loads(text)
        return Dialogue(found["opening"], tuple((send, say) for send, say in found["answers"]), found["mysql"])


@dataclass(frozen=True)
class Reply:
    """What is written now, how many of the received bytes that answers, and whether the connection stays open."""

    text: bytes = b""
    consumed: int = 0
    stays: bool = True


MYSQL: Final = Dialogue(
    opening=(len(_MYSQL_GREETING).to_bytes(3, "little") + b"\0" + _MYSQL_GREETING).decode("latin-1"), mysql=True
)
"""A server of MySQL, for whoever logs in without a password."""


def proxy_header(received: bytes) -> int:
    """Length of the header of the PROXY protocol with which the bytes begin; 0: they begin with none."""
    if received.startswith(_PROXY_V1):
        return received.find(b"\n") + 1
    if received.startswith(_PROXY_V2) and len(received) >= _PROXY_V2_HEAD:
        return _PROXY_V2_HEAD + int.from_bytes(received[14:16])
    return 0


def begins_tls(received: bytes) -> bool:
    """Whether the bytes begin a handshake of TLS."""
    return received[:1] == bytes([_TLS_HANDSHAKE])


def answer(received: bytes, page: bytes, dialogue: Dialogue, *, opened: bool = False) -> Reply:
    """The answer to what was received and not answered yet. `opened`: the server has said its opening on this connection."""
    if opened and dialogue.mysql:
        return _mysql(received)
    if received[4:8] == _POSTGRES_3:
        return Reply(_POSTGRES_WELCOME, int.from_bytes(received[:4]))
    for sent, said in _longest_first(dialogue.answers):
        if received.startswith(sent.encode("latin-1")):
            return Reply(said.encode("latin-1"), len(sent))
    head, end, _ = received.partition(b"\r\n\r\n")
    return _http(head.decode("latin-1"), page, len(head + end)) if end else Reply()


def _longest_first(answers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(answers, key=lambda pair: -len(pair[0]))


def _mysql(received: bytes) -> Reply:
    """OK to a login; a connection that sends anything else, such as the end, is closed."""
    length = _MYSQL_HEAD + int.from_bytes(received[:3], "little")
    if len(received) < length:
        return Reply()
    number = received[3] + 1
    if number == 1:  # a command begins with the number 0
        return Reply(consumed=length, stays=False)
    return Reply(len(_MYSQL_OK).to_bytes(3, "little") + bytes([number]) + _MYSQL_OK, length)


def _http(head: str, page: bytes, consumed: int) -> Reply:
    request, *lines = head.split("\r\n")
    method, _, version = request.split(" ", 2) if request.count(" ") >= 2 else (request, "", "HTTP/1.0")
    connection = next(_values(lines, "connection:"), "")
    stays = connection != "close" if version == "HTTP/1.1" else connection == "keep-alive"
    reply = f"{version} 200 OK\r\nContent-Length: {len(page)}\r\nConnection: {'keep-alive' if stays else 'close'}\r\n\r\n"
    return Reply(reply.encode() + (page if method == "GET" else b""), consumed, stays)


def _values(lines: Iterable[str], name: str) -> Iterator[str]:
    return (line.split(":", 1)[1].strip().lower() for line in lines if line.lower().startswith(name))
