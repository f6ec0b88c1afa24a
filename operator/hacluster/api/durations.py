"""Durations as users write them: `100ms`, `5s`, `1m30s`. The resolution is one millisecond.

`span` is metadata for `Annotated[timedelta, …]`. The notation is a subset of Go's, which the CEL function `duration()` of
the API server reads; so one string has one value on both sides.
"""

import re
from datetime import timedelta
from decimal import Decimal

from hacluster.api.constraints import VALIDATIONS, Parsed, cel

# The number of digits is bounded so that no value overflows the API server's durations (64 bits of nanoseconds).
PATTERN = r"^([0-9]{1,4}h)?([0-9]{1,6}m)?([0-9]{1,8}(\.[0-9]{1,3})?s)?([0-9]{1,10}ms)?$"
MAX_LENGTH = 24
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}
_NOT_A_DURATION = "must be a duration such as 100ms, 5s or 1m30s"


def parse_duration(text: str) -> timedelta:
    """The value of a duration such as `1m30s`.

    Raises:
        ValueError: `text` is no duration.

    """
    if not 2 <= len(text) <= MAX_LENGTH or not re.fullmatch(PATTERN.strip("^$"), text):
        raise ValueError(_NOT_A_DURATION)
    parts = re.findall(r"([0-9.]+)(ms|s|m|h)", text)
    return timedelta(milliseconds=int(sum(Decimal(number) * _UNITS[unit] for number, unit in parts)))


def format_duration(value: timedelta) -> str:
    """The duration as a whole number of the largest unit that is exact: `1500ms`, `5s`, `1m`, `1h`; zero is `0s`."""
    milliseconds = round(value / timedelta(milliseconds=1))
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"


def span(at_least: str, at_most: str, *, step: str = "1ms") -> Parsed:
    """Metadata for `Annotated[timedelta, …]`: a duration from `at_least` to `at_most`, a whole multiple of `step`."""
    low, high, unit = parse_duration(at_least), parse_duration(at_most), parse_duration(step)
    bounds = f"must be between {at_least} and {at_most}"
    steps = f"must be a multiple of {step}"

    def parse(text: str) -> timedelta:
        value = parse_duration(text)
        if not low <= value <= high:
            raise ValueError(bounds)
        if value % unit:
            raise ValueError(steps)
        return value

    rules = [cel(f"duration(self) >= duration('{at_least}') && duration(self) <= duration('{at_most}')", bounds)]
    if step != "1ms":  # the pattern allows nothing finer than a millisecond
        rules.append(cel(f"duration(self).getMilliseconds() % {unit // timedelta(milliseconds=1)} == 0", steps))
    schema = {"type": "string", "minLength": 2, "maxLength": MAX_LENGTH, "pattern": PATTERN, VALIDATIONS: rules}
    return Parsed(parse, format_duration, schema, (timedelta,))
