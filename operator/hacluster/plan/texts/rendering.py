"""How values get into a daemon's configuration: through templates that only print, and a check on every printed value.

A value is printed only if it is made of characters that have no meaning in the target language. Whatever else must be
printed passes a filter that quotes it for that language. A bad value is an error, never a directive.
"""

import re
from functools import cache
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Final

import jinja2

from hacluster.errors import HAClusterError

WORD: Final = re.compile(r"[A-Za-z0-9_./:@+,=*\[\]-]+")
"""Names, numbers, paths, addresses: nothing in it is a blank, quote, comment, variable or brace in any daemon's language."""
_ARGUMENT: Final = re.compile(r"[A-Za-z0-9_./:@+,=*\[\]~&%? -]+")
"""What HAProxy takes literally as one argument once its blanks are escaped."""

_ADDRESSES = IPv4Address | IPv6Address | IPv4Interface | IPv6Interface | IPv4Network | IPv6Network


class UnsafeText(HAClusterError):
    """A value would mean something else than itself in a configuration file."""


class Quoted(str):
    """Text that a filter has already made safe for its language."""

    __slots__ = ()


def checked(value: object) -> str:
    """The value as it is printed.

    Raises:
        UnsafeText: when it is not a word.
        jinja2.UndefinedError: when the template asks for something that nobody gave.

    """
    if isinstance(value, jinja2.Undefined):
        str(value)  # raises, and names what is missing
    if isinstance(value, Quoted):
        return str(value)
    if isinstance(value, bool) or not isinstance(value, str | int | _ADDRESSES):
        raise UnsafeText(f"{value!r} is nothing that a configuration file can hold")
    text = str(value)
    if not WORD.fullmatch(text):
        raise UnsafeText(f"{text!r} has characters that a configuration file would read as its own")
    return text


def argument(value: str) -> Quoted:
    """A value as one HAProxy argument.

    Raises:
        UnsafeText: when it holds more than a word, blanks, and what stands in a URL.

    """
    if not _ARGUMENT.fullmatch(value):
        raise UnsafeText(f"{value!r} has characters that HAProxy would read as its own")
    return Quoted(value.replace(" ", "\\ "))


def bracketed(address: IPv4Address | IPv6Address) -> str:
    """An address in front of a port: IPv6 in brackets."""
    return f"[{address}]" if address.version == 6 else str(address)


def render(template: str, **values: object) -> str:
    """The text of `templates/<template>`; every value is checked, a missing one is an error."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hacluster.plan.texts", "templates"),
        undefined=jinja2.StrictUndefined,
        finalize=checked,
        autoescape=False,  # noqa: S701 - these are no HTML pages; `checked` guards them
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["argument"] = argument
    return environment
