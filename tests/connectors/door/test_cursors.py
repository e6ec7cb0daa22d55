"""Cursors come back as they were given; anything else is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.door.cursors import CHARACTERS_MAX, CursorError, read_cursor, write_cursor


@given(st.dictionaries(st.integers(0, 1 << 31), st.integers(0, (1 << 63) - 1), max_size=50))
def test_what_is_written_is_read(positions: dict[int, int]) -> None:
    assert read_cursor(write_cursor(positions)) == positions


@given(st.text() | st.text(alphabet="v1.ey{}0-9_=").map(lambda text: "v1." + text))
def test_anything_else_is_refused_and_nothing_else_happens(text: str) -> None:
    try:
        assert write_cursor(read_cursor(text))
    except CursorError:
        return


@pytest.mark.parametrize(
    "text", ["", "v1.", "v2.e30", "v1.eyIwIjotMX0", "v1.eyIwIjoiMCJ9", "v1.W10", "v1." + "e" * CHARACTERS_MAX]
)
def test_these_are_none(text: str) -> None:
    with pytest.raises(CursorError):
        read_cursor(text)
