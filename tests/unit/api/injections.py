"""Strings that would be read as syntax if they were printed into a configuration file unchecked."""

import re

CHARACTERS = [
    *("\n", "\r", "\t", "\0", "\v", "\f", "\x1b", "\x7f"),
    *('"', "'", "`", "#", "\\", "$", "{", "}", "[", "]", "<", ">", "|", ";", "!", "*", "(", ")", "^"),
    *("\u00a0", "\u2028", "\u202e", "\u200b", "\ufeff", "１", "а", "é", "🙂"),
]
TEXTS = [
    *("a b", "${HOME}", "$HOME", "%[src]", "%{+Q}o", "web\n    stats socket /tmp/x", 'web" if TRUE', "web # comment", "web\\"),
    *("}\nscript x", "@node1 state MASTER", "{{ 1 }}", "`id`", "<Directory />"),
]

UNRESTRICTED = {"spec.apache.page"}
"""Fields with any text: the page is a file of its own and is never printed into a configuration file."""

QUOTED = ("].expect", "].send", ".expectBody", ".headers.request.set.X-Real-IP", ".headers.response.set.X-Served-By")
"""Ends of the paths of fields that may have any printable ASCII character: they are printed in quotes, or as hexadecimal digits."""

BLANKS = {"spec.haproxy.stats.realm"}
"""Fields that may have blanks: they are printed between quotes, or with escaped blanks."""


def is_harmless(path: str, text: str) -> bool:
    """Whether the field at `path` may have this injection: it is printed so that it means nothing."""
    if path.endswith(QUOTED):
        allowed = r"[\t\n\r -~]*" if path.endswith(("].expect", "].send")) else "[ -~]*"
        braces = ".headers." in path and re.search("[{}]", text.replace("{clientAddress}", "").replace("{scheme}", ""))
        return bool(re.fullmatch(allowed, text)) and not braces
    return text == "a b" and path in BLANKS


def with_injections(value: str) -> list[str]:
    """`value` with each of `CHARACTERS` before it, after it and inside it, and all of `TEXTS`."""
    mixed = [text for c in CHARACTERS for text in (value + c, c + value, value[:1] + c + value[1:])]
    return [*mixed, *TEXTS]
