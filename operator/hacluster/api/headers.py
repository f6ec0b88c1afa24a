"""Model of `headers`: what a listener changes in the headers of requests and responses."""

from typing import Annotated, Final

from pydantic import Field

from hacluster.api.base import Model, Rule
from hacluster.api.constraints import ListSet, Text

PLACEHOLDERS: Final = ("clientAddress", "port", "host", "scheme")
"""What a value may contain in braces. Everything else is sent as it is written."""

RESERVED: Final = (
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
)
"""Headers that say how a message is sent (RFC 9112): changed ones would make two messages of one."""

HeaderName = Annotated[str, Text("a header's name such as X-Real-IP: letters, digits, '-' and '_'", "^[A-Za-z0-9_-]+$", 64)]
HeaderValue = Annotated[
    str,
    Text(
        "printable ASCII characters, at least one; braces only around clientAddress, port, host or scheme",
        rf"^([ -z|~]|[{{]({'|'.join(PLACEHOLDERS)})[}}])+$",
        512,
    ),
]


class HeaderChanges(Model):
    """Headers that are removed, and then set."""

    rules = (
        Rule(
            cel=f"!self.set.exists(k, k.lowerAscii() in {list(RESERVED)}) && !self.remove.exists(k, k.lowerAscii() in {list(RESERVED)})",
            message="HAProxy itself writes the headers that say how a message is sent, such as Connection and Content-Length; remove it",
            holds=lambda h: not {each.lower() for each in (*h.set, *h.remove)} & set(RESERVED),
        ),
        Rule(
            cel="self.set.all(k, self.set.exists_one(o, o.lowerAscii() == k.lowerAscii()))",
            message="the names of headers do not differ by capital letters: list each once",
            holds=lambda h: len({each.lower() for each in h.set}) == len(h.set),
            field="set",
        ),
        Rule(
            cel="self.remove.all(k, !self.set.exists(o, o.lowerAscii() == k.lowerAscii()))",
            message="a header that is set needs not be removed first; list it once",
            holds=lambda h: not {each.lower() for each in h.set} & {each.lower() for each in h.remove},
            field="remove",
        ),
    )

    set: dict[HeaderName, HeaderValue] = Field(default={}, max_length=16)
    """Name → value. {clientAddress}, {port} (the listener's), {host} (the client asked for) and {scheme} (http, https) are replaced."""
    remove: Annotated[tuple[HeaderName, ...], Field(max_length=16), ListSet()] = ()
    """Names of headers that are removed."""


class Headers(Model):
    """Changes of requests before a server sees them, and of responses before the client does."""

    rules = (
        Rule(
            cel="!self.request.set.exists(k, k.lowerAscii() == 'x-forwarded-for') && "
            "!self.request.remove.exists(k, k.lowerAscii() == 'x-forwarded-for')",
            message="X-Forwarded-For is set by forwardFor: {mode: Replace}, {mode: Append} or {mode: None}; remove it here",
            holds=lambda h: "x-forwarded-for" not in {each.lower() for each in (*h.request.set, *h.request.remove)},
            field="request",
        ),
    )

    request: HeaderChanges = HeaderChanges()
    """Changes of requests, before a server sees them."""
    response: HeaderChanges = HeaderChanges()
    """Changes of responses, before the client sees them."""
