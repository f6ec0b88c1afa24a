"""Notes that the API server takes."""

import pytest

from hacluster.control.events import MAX_NOTE, fit


@pytest.mark.parametrize("letter", ["a", "Đ", "界"])
def test_a_long_note_fits_in_bytes(letter: str) -> None:
    note = fit(letter * 2000)
    assert MAX_NOTE - 4 <= len(note.encode()) <= MAX_NOTE
    assert note == letter * (len(note) - 1) + "…"


def test_a_note_that_fits_is_left_alone() -> None:
    assert fit("a" * MAX_NOTE) == "a" * MAX_NOTE
    assert fit("") == ""
