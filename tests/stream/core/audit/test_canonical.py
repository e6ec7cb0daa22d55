"""Canonical bytes are RFC 8785's, for what a record holds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.audit.canonical import canonical

TEXTS = st.text(st.characters(exclude_categories=("Cs",)))
NAMES = st.text(st.characters(max_codepoint=127))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
)


@given(st.dictionaries(NAMES, VALUES))
def test_names_are_sorted_escapes_are_the_shortest_and_nothing_is_between(value: dict[str, Any]) -> None:
    """Python's own writer, told the same: its escapes are those of RFC 8785, section 3.2.2.2."""
    assert canonical(value) == json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_the_escapes_of_the_rfc() -> None:
    assert canonical({"a": '€$\x0f\nA\'B"\\\\"/\x7f'}) == '{"a":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/\x7f"}'.encode()


@pytest.mark.parametrize("value", [1.0, 2**53, "\ud800", {"é": 1}, [b""], object()])
def test_what_a_record_does_not_hold_has_no_bytes(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^a "):
        canonical({"a": value})
