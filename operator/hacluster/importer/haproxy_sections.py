"""Reads haproxy.cfg files into sections, and answers what holds for one of them, with what it inherits from its `defaults`.

Several files are read as one, as HAProxy reads `-f FILE -f FILE`. A section inherits from the `defaults` that it names (`from NAME`), else
from the last one before it (Configuration Manual, 4 "Proxies").
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from hacluster.importer.findings import Directive, Ledger, Place, shortened
from hacluster.importer.secrets import shown
from hacluster.importer.words import UnreadableLine, split

PROXIES: Final = ("listen", "frontend", "backend")
_KINDS: Final = frozenset(
    {"global", "defaults", *PROXIES, "userlist", "peers", "resolvers", "mailers", "cache", "ring", "program", "http-errors"}
    | {"log-forward", "fcgi-app", "crt-store", "traces", "acme", "log-profile"}
)

_DEEPEST: Final = 16
"""`defaults` that inherit from each other."""


@dataclass(eq=False)
class Section:
    """One section, and the `defaults` from which it inherits."""

    kind: str
    name: str
    header: Directive
    """The line that opens it."""
    parent: "Section | None"
    ledger: Ledger
    directives: list[Directive] = field(default_factory=list)
    used: bool = False
    """Whether a frontend sends requests to it."""

    def take(self, *start: str) -> list[Directive]:
        """The directives that begin with these words: inherited ones first, so that the last one holds. They count as carried over."""
        found = [each for each in self._all() if each.words[: len(start)] == start]
        self.ledger.carried(*found)
        return found

    def last(self, *start: str) -> Directive | None:
        """The directive that holds, of those that begin with these words."""
        found = self.take(*start)
        return found[-1] if found else None

    def value(self, *start: str) -> str:
        """The word after these words in the directive that holds; empty: there is none."""
        found = self.last(*start)
        return found.words[len(start)] if found and len(found.words) > len(start) else ""

    def option(self, name: str) -> Directive | None:
        """`option NAME`, unless `no option NAME` comes after it."""
        return self.last_of(f"option {name}", f"no option {name}", negative=f"no option {name}")

    def last_of(self, *starts: str, negative: str = "") -> Directive | None:
        """The directive that holds, of those that begin like one of `starts`; None: it begins like `negative`, or there is none."""
        prefixes = [tuple(each.split()) for each in starts]
        found = [each for each in self._all() if any(each.words[: len(prefix)] == prefix for prefix in prefixes)]
        self.ledger.carried(*found)
        if not found or (negative and found[-1].words[: len(negative.split())] == tuple(negative.split())):
            return None
        return found[-1]

    def take_all(self) -> list[Directive]:
        """All of its own directives, which count as carried over."""
        self.ledger.carried(self.header, *self.directives)
        return self.directives

    def inherits(self, directive: Directive) -> bool:
        """Whether the directive is one of its `defaults`."""
        return directive not in self._own

    @cached_property
    def _own(self) -> frozenset[Directive]:
        """Its own directives. They are asked for when the section is complete."""
        return frozenset(self.directives)

    @property
    def depth(self) -> int:
        """How many `defaults` it inherits from."""
        return 1 + self.parent.depth if self.parent is not None else 0

    @property
    def place(self) -> Place:
        """Where it begins."""
        return self.header.place

    def _all(self) -> Iterator[Directive]:
        if self.parent is not None:
            yield from self.parent._all()
        yield from self.directives


@dataclass
class Configuration:
    """All sections of the files."""

    sections: list[Section]

    def of_kind(self, *kinds: str) -> list[Section]:
        """The sections of these kinds, in their order."""
        return [each for each in self.sections if each.kind in kinds]

    def named(self, name: str, *kinds: str) -> Section | None:
        """The section of this name, of one of these kinds."""
        return next((each for each in self.of_kind(*kinds) if each.name == name), None)


def read_sections(files: Iterable[tuple[str, str]], ledger: Ledger) -> Configuration:
    """The sections of files, each given by its name and text. All directives are in the ledger then; unreadable lines are lost."""
    sections: list[Section] = []
    for name, text in files:
        current: Section | None = None
        for directive in _directives(name, text, ledger):
            if directive.keyword in _KINDS:
                current = _section(directive, sections, ledger)
                sections.append(current)
            elif current is None:
                ledger.lost(directive, "it is in no section")
            else:
                current.directives.append(directive)
    return Configuration(sections)


def _directives(file: str, text: str, ledger: Ledger) -> Iterator[Directive]:
    for number, line in enumerate(text.split("\n"), 1):
        place = Place(file, number)
        try:
            words, written = split(line)
        except UnreadableLine as error:
            ledger.lost(Directive(place, ("?",), shown(line.split(), line.strip())), str(error))
            continue
        if words:
            directive = Directive(place, words, shown(words, written))
            ledger.add(directive)
            yield directive


def _section(header: Directive, earlier: Sequence[Section], ledger: Ledger) -> Section:
    ledger.carried(header)
    kind, arguments = header.keyword, header.arguments
    defaults = [each for each in earlier if each.kind == "defaults"]
    name = arguments[0] if arguments and arguments[0] != "from" else ""
    parent = None
    if kind in PROXIES:
        parent = defaults[-1] if defaults else None
    if "from" in arguments[:-1] and kind in (*PROXIES, "defaults"):
        wanted = arguments[arguments.index("from") + 1]
        parent = next((each for each in defaults if each.name == wanted), None)
        if parent is None or parent.depth >= _DEEPEST:
            ledger.lost(
                header, f"there is no defaults section {shortened(wanted)} before it, or too many inherit from each other"
            )
            parent = None
    return Section(kind, name, header, parent, ledger)
