"""What a hostile or careless hand would write into a string."""

CHARACTERS = [
    *("\n", "\r", "\t", "\0", "\v", "\f", "\x1b", "\x7f"),
    *('"', "'", "`", "#", "\\", "$", "{", "}", "[", "]", "<", ">", "|", ";", "!", "*", "(", ")", "^"),
    *("\u00a0", "\u2028", "\u202e", "\u200b", "\ufeff", "１", "а", "é", "🙂"),
]
TEXTS = [
    *("a b", "${HOME}", "$HOME", "%[src]", "%{+Q}o", "web\n    stats socket /tmp/x", 'web" if TRUE', "web # comment", "web\\"),
    *("}\nscript x", "@node1 state MASTER", "{{ 1 }}", "`id`", "<Directory />"),
]

FREE = {"spec.apache.page"}
"""HTML is the user's own: it never stands inside a configuration file."""

BLANKS = {"spec.haproxy.stats.realm"}
"""Written between quotes, and may have blanks in it: nothing else that means something there."""


def poisoned(value: str) -> list[str]:
    """`value` with each bad character before, in and behind it, and whole bad texts."""
    mixed = [made for c in CHARACTERS for made in (value + c, c + value, value[:1] + c + value[1:])]
    return [*mixed, *TEXTS]
