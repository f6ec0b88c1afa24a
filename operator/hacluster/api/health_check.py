"""Model of `healthCheck`: how HAProxy finds out whether a server works."""

from datetime import timedelta
from typing import Annotated, Final

from pydantic import Field

from hacluster.api.base import Model, Rule, without_effect
from hacluster.api.constraints import Text
from hacluster.api.tls import CheckTLS
from hacluster.api.types import Enumeration, Port, Timer, UrlTarget

_STATUS = "[1-5][0-9]{2}"
_MESSAGE = Text("printable ASCII characters, tabs and line ends", "^[\\t\\n\\r -~]*$", 255)


UNCHECKED_APACHE: Final = "Apache's servers are checked, so that a node that is lost gets no requests; choose another type"


class HealthCheckType(Enumeration):
    """What a health check does with a server."""

    HTTP = "HTTP"
    TCP = "TCP"
    TLS = "TLS"
    MYSQL = "MySQL"
    POSTGRESQL = "PostgreSQL"
    EXCHANGE = "Exchange"
    NONE = "None"


class HealthCheckMethod(Enumeration):
    """HTTP methods for health checks."""

    OPTIONS = "OPTIONS"
    GET = "GET"
    HEAD = "HEAD"


class Exchange(Model):
    """One step of a dialogue with the server."""

    rules = (
        Rule(
            cel="self.send != '' || self.expect != ''",
            message="needs send, expect, or both",
            holds=lambda e: bool(e.send or e.expect),
        ),
    )

    send: Annotated[str, _MESSAGE] = ""
    """What is sent, with its line end: "PING\\r\\n"."""
    expect: Annotated[str, _MESSAGE] = ""
    """What the server's answer must contain."""


def _only(*types: HealthCheckType) -> str:
    """The condition that the check has one of the types, in CEL, or that its type follows from the listener's mode."""
    return f"!has(self.type) || self.type in {[each.value for each in types]}"


def _needs(kind: HealthCheckType, field: str, message: str) -> Rule:
    """The rule that checks of this type have this field."""
    return Rule(
        cel=f"!has(self.type) || self.type != '{kind.value}' || has(self.{field})",
        message=message,
        holds=lambda h: h.type is not kind or getattr(h, field) is not None,
        field=field,
    )


_UNLESS_NONE = tuple(each for each in HealthCheckType if each is not HealthCheckType.NONE)
_WITH_TLS = (HealthCheckType.HTTP, HealthCheckType.EXCHANGE)
_WITH_USER = (HealthCheckType.MYSQL, HealthCheckType.POSTGRESQL)


class HealthCheck(Model):
    """How HAProxy checks each server."""

    rules = (
        Rule(
            cel="self.expectStatus == '' || self.expectStatus.split(',').all(r, "
            "r.matches('^[0-9]+$') || r.substring(0, 3) <= r.substring(4))",
            message="a range runs from the lower status code to the higher, such as 200-399",
            holds=lambda h: all(each[:3] <= (each[4:] or each) for each in h.expect_status.split(",")),
            field="expectStatus",
        ),
        *without_effect(
            {"method": "'OPTIONS'", "path": "'/'", "host": "''", "expect_status": "''", "expect_body": "''"},
            unless=_only(HealthCheckType.HTTP),
            effective=lambda h: h.type in {None, HealthCheckType.HTTP},
            message="has no effect with this type of check; remove it, or set type: HTTP",
        ),
        *without_effect(
            {"tls": ""},
            unless=_only(*_WITH_TLS),
            effective=lambda h: h.type in {None, *_WITH_TLS},
            message="goes with the types HTTP and Exchange; remove it, or set type: TLS for a check of the handshake alone",
        ),
        *without_effect(
            {"user": ""},
            unless="has(self.type) && self.type in ['MySQL', 'PostgreSQL']",
            effective=lambda h: h.type in _WITH_USER,
            message="has no effect with this type of check; remove it, or set type: MySQL or PostgreSQL",
        ),
        _needs(HealthCheckType.POSTGRESQL, "user", "type PostgreSQL needs the name of a user, such as haproxy"),
        *without_effect(
            {"exchange": ""},
            unless="has(self.type) && self.type == 'Exchange'",
            effective=lambda h: h.type is HealthCheckType.EXCHANGE,
            message="has no effect with this type of check; remove it, or set type: Exchange",
        ),
        _needs(
            HealthCheckType.EXCHANGE,
            "exchange",
            'type Exchange needs what is sent and expected, such as [{send: "PING\\r\\n", expect: "+PONG"}]',
        ),
        *without_effect(
            {"port": "", "interval": "'5s'", "fast_interval": "'2s'", "rise": "3", "fall": "3"},
            unless=_only(*_UNLESS_NONE),
            effective=lambda h: h.type is not HealthCheckType.NONE,
            message="has no effect with type None; remove it",
        ),
    )

    type: HealthCheckType | None = None
    """HTTP (a request), TCP (a connection), TLS (a handshake), MySQL (the greeting, or a login as user), PostgreSQL (the answer to the
begin of a login as user), Exchange (a dialogue), or None: servers always count as up. Default: HTTP in mode HTTP, TCP in mode TCP."""
    port: Port | None = None
    """Port that is checked. Default: the server's."""
    tls: CheckTLS | None = None
    """The check speaks TLS with the server (types HTTP and Exchange). Default: it does not."""
    method: HealthCheckMethod = HealthCheckMethod.OPTIONS
    """Method of the request (type HTTP): OPTIONS, GET or HEAD."""
    path: UrlTarget = "/"
    """Path that is asked for (type HTTP)."""
    host: Annotated[str, Text("a host name, with a port or none, such as shop.example.com", "^[A-Za-z0-9.:_-]*$", 253)] = ""
    """Host header of the check, and with tls the name that is asked for (type HTTP); empty: none."""
    expect_status: Annotated[
        str, Text("status codes such as 200-399 or 200,204", rf"^({_STATUS}(-{_STATUS})?(,{_STATUS}(-{_STATUS})?)*)?$", 64)
    ] = ""
    """Status codes that count as healthy, such as 200-399; empty: 2xx and 3xx (type HTTP)."""
    expect_body: Annotated[str, Text("printable ASCII characters", "^[ -~]*$", 255)] = ""
    """What the answer's body must contain; empty: anything (type HTTP)."""
    user: Annotated[str, Text("a database user's name, such as haproxy", "^[A-Za-z0-9_.-]+$", 63)] | None = None
    """User that logs in without a password. Default: only the server's greeting is read (type MySQL); type PostgreSQL needs one."""
    exchange: Annotated[tuple[Exchange, ...], Field(min_length=1, max_length=16)] | None = None
    """The dialogue, in its order (type Exchange)."""
    interval: Timer = timedelta(seconds=5)
    """Between checks of a server in a steady state."""
    fast_interval: Timer = timedelta(seconds=2)
    """Between checks while a server changes state."""
    rise: Annotated[int, Field(ge=1, le=100)] = 3
    """Passed checks until a server is up."""
    fall: Annotated[int, Field(ge=1, le=100)] = 3
    """Failed checks until a server is down."""
