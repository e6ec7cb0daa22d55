"""Columns: whatever the fast way takes for canonical is canonical, and nothing gets another hash than alone."""

from __future__ import annotations

import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers import columns
from matchers.columns import hash_column
from matchers.documents import canonical_document
from matchers.keys import KEY_KINDS, Key, KeyHasher, KeyKind
from matchers.plates import canonical_plate, canonical_vin
from tests.factory import resident_id

HASHER = KeyHasher(b"a secret of the tests")

_CLOSE_TO_CANONICAL = (
    string.digits
    + string.ascii_uppercase
    + "xioq -·粤京港澳\u3fff\u4000\u9fff\ua000\uf900\ufa0e豈\u00e4\u0130ŉ①Ａ\n\r\t\0\u2028"
)
identifiers = (
    st.text(st.sampled_from(_CLOSE_TO_CANONICAL), max_size=20)
    | st.text(max_size=20)
    | st.from_regex(r"[0-9]{17}[0-9X]|[0-9]{15}|[A-Z][0-9]{8}|[A-Z][0-9]{10}|[0-9]{8}|[0-9]{10}", fullmatch=True)
    | st.from_regex(r"[粤京沪\u4000\u9fff][A-Z][A-Z0-9]{5,6}", fullmatch=True)
    | st.from_regex(r"[A-Z0-9]{17}", fullmatch=True)
    | st.builds(resident_id, st.integers(0, 999))
)


def alone(kind: KeyKind, value: str) -> Key:
    if kind == "plate":
        return Key("plate", canonical_plate(value).number)
    if kind == "vin":
        return Key("vin", canonical_vin(value).number)
    document = canonical_document(kind, value)
    return Key(document.type, document.number)


@pytest.mark.parametrize("kind", KEY_KINDS)
@given(values=st.lists(identifiers, max_size=12))
@settings(max_examples=150, deadline=None)
def test_a_column_gives_the_hash_that_each_identifier_has_alone(kind: KeyKind, values: list[str]) -> None:
    hashed = hash_column(kind, values, HASHER)
    keys = [alone(kind, value) for value in values]
    assert dict(zip(hashed.positions.tolist(), hashed.hashes.tolist(), strict=True)) == {
        position: HASHER.hash_key(key) for position, key in enumerate(keys) if key.value
    }
    assert sorted(hashed.blank) == [position for position, key in enumerate(keys) if not key.value]
    assert len(hashed.positions) == len(set(hashed.positions.tolist()))


@pytest.mark.parametrize("kind", KEY_KINDS)
def test_every_character_at_every_place_of_a_canonical_identifier(kind: KeyKind) -> None:
    """One wrong table entry would be a false negative for every identifier with that character there."""
    canonical = {"resident_id": [resident_id(7)], "plate": ["粤A12345", "粤AD12345", "粤A1234挂"], "vin": ["1M8GDM9AXKP042788"]}
    characters = [chr(code) for code in range(0x250)] + list("京粤港\u3fff\u4000\u9fff\ua000\uff11\uff21\uf900")
    values = [
        value[:place] + character + value[place + 1 :]
        for value in canonical.get(kind, ["12345", "E12345", "1234567", "E12345678", "123456789012"])
        for place in range(len(value))
        for character in characters
    ]
    hashed = hash_column(kind, values, HASHER)
    keys = [alone(kind, value) for value in values]
    expected = {
        found: dict(zip(places, HASHER.hash_values(found, [keys[p].value for p in places]).tolist(), strict=True))
        for found in {key.kind for key in keys}
        if (places := [p for p, key in enumerate(keys) if key.kind == found and key.value])
    }
    assert dict(zip(hashed.positions.tolist(), hashed.hashes.tolist(), strict=True)) == {
        place: value for of_kind in expected.values() for place, value in of_kind.items()
    }


def test_an_empty_column_has_no_hashes() -> None:
    hashed = hash_column("vin", [], HASHER)
    assert (len(hashed.positions), len(hashed.hashes), hashed.blank) == (0, 0, [])


def test_a_line_break_in_one_identifier_costs_the_others_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    careful: list[str] = []
    one_by_one = columns._canonical

    def counted(kind: KeyKind, value: str) -> Key:
        careful.append(value)
        return one_by_one(kind, value)

    monkeypatch.setattr(columns, "_canonical", counted)
    broken = resident_id(1)[:9] + "\n" + resident_id(1)[9:]
    hashed = hash_column("resident_id", [resident_id(n) for n in range(500)] + [broken], HASHER)
    assert careful == [broken]
    by_position = hashed.hashes[np.argsort(hashed.positions)]
    assert by_position[500] == by_position[1]
