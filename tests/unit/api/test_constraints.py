"""Durations and quantities are read as the values that Kubernetes reads, and durations are written in one unit."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.api.durations import format_duration, parse_duration
from hacluster.api.pods import amount


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("0s", 0), ("1ms", 1), ("100ms", 100), ("1.5s", 1500), ("0.001s", 1), ("40.95s", 40950), ("1m", 60_000),
        ("1m30s", 90_000), ("1m30ms", 60_030), ("1h2m3.004s5ms", 3_723_009), ("9999h59m59.999s", 35_999_999_999),
    ],
)  # fmt: skip
def test_a_duration_is_parsed_to_milliseconds(text: str, milliseconds: int) -> None:
    assert parse_duration(text) == timedelta(milliseconds=milliseconds)


@given(st.integers(min_value=0, max_value=10**9))
def test_a_formatted_duration_is_parsed_to_the_same_value(milliseconds: int) -> None:
    value = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(value)) == value


@pytest.mark.parametrize(("text", "written"), [("0ms", "0s"), ("60s", "1m"), ("1.5s", "1500ms"), ("1h30m", "90m"), ("60m", "1h")])
def test_a_duration_is_formatted_in_one_unit(text: str, written: str) -> None:
    assert format_duration(parse_duration(text)) == written


@pytest.mark.parametrize(
    ("quantity", "number"),
    [("0", 0), ("100m", "0.1"), ("1.5", "1.5"), ("1k", 1000), ("64Mi", 67_108_864), ("2Gi", 2**31), ("1T", 10**12)],
)
def test_a_quantity_has_its_numeric_value(quantity: str, number: int | str) -> None:
    assert amount(quantity) == Decimal(number)
