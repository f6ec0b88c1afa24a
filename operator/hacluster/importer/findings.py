"""What became of each directive of the imported files.

Every directive is given to a `Ledger` when it is read. Whoever turns it into a field says so (`carried`), or that the operator does the
same by itself (`owned`), or that the meaning changes (`noted`), or that there is no field (`lost`). A directive about which nobody said
anything is lost as well, so a directive that the importer does not know, or that a rule forgot, is never left out silently.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

NO_FIELD: Final = "no field"
_LONGEST: Final = 160
"""Characters of a directive that a finding repeats."""
_LONGEST_REASON: Final = 400


@dataclass(frozen=True)
class Place:
    """A line of a file. `line` counts from 1; 0 is the file as a whole."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, eq=False)
class Directive:
    """One directive with its words, after quotes and escapes were read. Two directives are never equal, whatever they say."""

    place: Place
    words: tuple[str, ...]
    """At least one."""
    shown: str
    """The directive as it is written, on one line, without secrets."""

    @property
    def keyword(self) -> str:
        """The first word."""
        return self.words[0]

    @property
    def arguments(self) -> tuple[str, ...]:
        """The words after the first."""
        return self.words[1:]


class Severity(Enum):
    """Whether a finding stops the import."""

    NOTE = "note"
    LOSS = "loss"


@dataclass(frozen=True)
class Finding:
    """Something that the user has to know of one directive."""

    severity: Severity
    place: Place | None
    """None: no line is the cause."""
    text: str
    """The directive as it is written; empty: none."""
    reason: str

    def __str__(self) -> str:
        start = "note: " if self.severity is Severity.NOTE else ""
        return start + ": ".join(str(each) for each in (self.place, self.text, self.reason) if each)


class Ledger:
    """Keeps account of all directives and collects the findings."""

    def __init__(self) -> None:
        self._open: dict[Directive, None] = {}
        self._findings: dict[Finding, None] = {}

    def add(self, directive: Directive) -> None:
        """Opens the account of a directive that was read."""
        self._open[directive] = None

    def carried(self, *directives: Directive) -> None:
        """They are fields of the resource now, or have no effect in the file (a later directive replaces them)."""
        for each in directives:
            self._open.pop(each, None)

    def owned(self, *directives: Directive) -> None:
        """The operator does what they ask for by itself, or decides it: users, sockets, ciphers, the wording of the log."""
        self.carried(*directives)

    def noted(self, directive: Directive, reason: str, part: str = "") -> None:
        """It is carried over with another meaning. `part`: the words that this is about, where it is not the whole directive."""
        self._finish(Severity.NOTE, directive, reason, part)

    def lost(self, directive: Directive, reason: str = NO_FIELD, part: str = "") -> None:
        """It cannot be carried over. `part` as in `noted`."""
        self._finish(Severity.LOSS, directive, reason, part)

    def note(self, place: Place | None, reason: str) -> None:
        """A changed meaning of something that no directive says."""
        self._findings[Finding(Severity.NOTE, place, text="", reason=shortened(reason, _LONGEST_REASON))] = None

    def miss(self, place: Place | None, reason: str) -> None:
        """A loss that is no single directive's."""
        self._findings[Finding(Severity.LOSS, place, text="", reason=shortened(reason, _LONGEST_REASON))] = None

    def close(self, files: Sequence[str]) -> tuple[Finding, ...]:
        """All findings in the order of the lines; directives that are still open are losses. `files`: the files' names in their order."""
        for each in list(self._open):
            self.lost(each)
        positions = {file: position for position, file in reversed(list(enumerate(files)))}
        return tuple(sorted(self._findings, key=lambda each: _position(each, positions)))

    def _finish(self, severity: Severity, directive: Directive, reason: str, part: str) -> None:
        self._open.pop(directive, None)
        text = ": ".join(filter(None, (directive.shown, shortened(part))))
        self._findings[Finding(severity, directive.place, text, shortened(reason, _LONGEST_REASON))] = None


def shortened(text: str, longest: int = _LONGEST) -> str:
    """The text without line ends, and with at most `longest` characters."""
    text = " ".join(text[: 4 * longest].split())
    return text if len(text) <= longest else f"{text[:longest]}…"


def losses(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those that stop the import."""
    return tuple(each for each in findings if each.severity is Severity.LOSS)


def _position(finding: Finding, positions: dict[str, int]) -> tuple[int, int]:
    if finding.place is None:
        return len(positions), 0
    return positions.get(finding.place.file, len(positions)), finding.place.line
