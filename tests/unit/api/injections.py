"""Strings that would be read as syntax if they were printed into a configuration file unchecked."""

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

BLANKS = {"spec.haproxy.stats.realm"}
"""Fields that may have blanks: they are printed between quotes, or with escaped blanks."""


def with_injections(value: str) -> list[str]:
    """`value` with each of `CHARACTERS` before it, after it and inside it, and all of `TEXTS`."""
    mixed = [text for c in CHARACTERS for text in (value + c, c + value, value[:1] + c + value[1:])]
    return [*mixed, *TEXTS]
