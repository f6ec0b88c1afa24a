"""Fills the templates of the daemons' configuration files, and checks every value that is printed.

`render` is used by every module that makes such a file. A value is printed only if all its characters are free of meaning in the
daemons' languages. A value that needs other characters passes a filter that quotes it (`argument`). Everything else is an error:
a string of the resource must never become a directive.
"""

import re
from functools import cache
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Final

import jinja2

from hacluster.errors import HAClusterError

WORD: Final = re.compile(r"[A-Za-z0-9_./:@+,=*\[\]-]+")
"""Names, numbers, paths, addresses. None of these characters is a blank, quote, comment, variable or brace in a daemon's language."""
_ARGUMENT: Final = re.compile(r"[A-Za-z0-9_./:@+,=*\[\]~&%? -]+")
"""What HAProxy reads literally as one argument if its blanks are escaped."""

_ADDRESSES = IPv4Address | IPv6Address | IPv4Interface | IPv6Interface | IPv4Network | IPv6Network


class UnsafeText(HAClusterError):
    """A value contains characters that would change the meaning of a configuration file."""


class Quoted(str):
    """Text that a filter has already quoted: it is printed without another check."""

    __slots__ = ()


def checked(value: object) -> str:
    """The value as text for a configuration file. Jinja2 calls it for every expression that a template prints.

    Raises:
        UnsafeText: it is not a word (`WORD`), a number or an address.
        jinja2.UndefinedError: the template prints a variable that `render` did not get.

    """
    if isinstance(value, jinja2.Undefined):
        str(value)  # raises UndefinedError with the name of the variable
    if isinstance(value, Quoted):
        return str(value)
    if isinstance(value, bool) or not isinstance(value, str | int | _ADDRESSES):
        raise UnsafeText(f"{value!r} is not a value that a configuration file can have")
    text = str(value)
    if not WORD.fullmatch(text):
        raise UnsafeText(f"{text!r} has characters that are syntax in a configuration file")
    return text


def argument(value: str) -> Quoted:
    """A value as one argument in haproxy.cfg: blanks are escaped by a backslash. Filter for the templates.

    Raises:
        UnsafeText: it has characters other than those of a word, of a URL, and blanks.

    """
    if not _ARGUMENT.fullmatch(value):
        raise UnsafeText(f"{value!r} has characters that are syntax for HAProxy")
    return Quoted(value.replace(" ", "\\ "))


def quoted(text: str) -> Quoted:
    """Any printable ASCII text as one word in haproxy.cfg, which HAProxy reads literally: in strong quotes (Configuration Manual, 2.2).

    Raises:
        UnsafeText: it has other characters, such as a line end.

    """
    if not re.fullmatch("[ -~]*", text):
        raise UnsafeText(f"{text!r} has characters that no quotes make safe for HAProxy")
    return Quoted("'" + text.replace("'", "'\\''") + "'")


def bracketed(address: IPv4Address | IPv6Address) -> str:
    """An address as it is written before a port: IPv6 in brackets."""
    return f"[{address}]" if address.version == 6 else str(address)


def render(template: str, **values: object) -> str:
    """The text of `templates/<template>` with these values.

    Raises:
        UnsafeText: a printed value is not safe (`checked`).
        jinja2.UndefinedError: a value is missing.

    """
    return _environment().get_template(template).render(values)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hacluster.plan.texts", "templates"),
        undefined=jinja2.StrictUndefined,
        finalize=checked,
        autoescape=False,  # noqa: S701 - no HTML pages; `checked` is called for every printed value
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["argument"] = argument
    environment.filters["quoted"] = quoted
    return environment
