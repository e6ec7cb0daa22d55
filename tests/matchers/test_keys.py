"""Keys: one function, one by one and in batches, under one secret of the deployment."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers.keys import KEY_KINDS, Key, KeyHasher

HASHER = KeyHasher(b"a secret of the tests")
values = st.text(max_size=30) | st.text(min_size=60, max_size=200) | st.from_regex(r"[0-9]{17}[0-9X]", fullmatch=True)
kinds = st.sampled_from(KEY_KINDS)


def test_hashes_stay_what_they_are_for_ever() -> None:
    """Snapshots and the index hold hashes: a change here needs a new version of both."""
    assert HASHER.fingerprint == "2c71abe7fee4a491"
    assert [HASHER.hash_key(Key(kind, "11010519491231002X")) for kind in KEY_KINDS] == [
        0xFCA72E0369E8D4E4,
        0xBF5D1A1A37D896D7,
        0xBF5CE3ADD91A6B34,
        0xA252FF8BE88D7FC,
        0x6C258FE500F19BFA,
        0xCAE57CCC31B5CFEC,
        0xCCC0AF57C9D22ABB,
        0x1B368EF1B49F034,
        0xA27DB00163E17B53,
    ]


@given(kinds, st.lists(values, max_size=20))
@settings(deadline=None)
def test_a_batch_gives_the_hashes_that_each_key_has_alone(kind: str, batch: list[str]) -> None:
    (found,) = (k for k in KEY_KINDS if k == kind)
    assert HASHER.hash_values(found, batch).tolist() == [HASHER.hash_key(Key(found, value)) for value in batch]


@given(kinds, values, st.integers(0, 3))
@settings(deadline=None)
def test_lanes_may_be_padded_to_any_width(kind: str, value: str, wider: int) -> None:
    (found,) = (k for k in KEY_KINDS if k == kind)
    encoded = value.encode()
    if len(encoded) > 40:
        encoded = encoded[:40].decode(errors="ignore").encode()
    lanes = -(-len(encoded) // 8) + wider
    matrix = np.frombuffer(encoded.ljust(lanes * 8, b"\0"), "<u8").reshape(1, lanes)
    assert HASHER.hash_lanes(found, matrix, np.uint64(len(encoded))).tolist() == [HASHER.hash_key(Key(found, encoded.decode()))]


@given(kinds, kinds, values, values)
@settings(deadline=None)
def test_different_keys_have_different_hashes(kind: str, other_kind: str, value: str, other: str) -> None:
    one = next(Key(k, value) for k in KEY_KINDS if k == kind)
    two = next(Key(k, other) for k in KEY_KINDS if k == other_kind)
    assert (HASHER.hash_key(one) == HASHER.hash_key(two)) == (one == two)


@pytest.mark.parametrize(("one", "two"), [("A", "A\0"), ("", "\0"), ("A" * 64, "A" * 65), ("A" * 7, "A" * 7 + "\0")])
def test_zeros_and_length_are_not_lost_in_padding(one: str, two: str) -> None:
    assert HASHER.hash_key(Key("other", one)) != HASHER.hash_key(Key("other", two))


def test_an_unpaired_surrogate_has_a_hash_like_everything_else() -> None:
    assert HASHER.hash_key(Key("other", "\ud800")) != HASHER.hash_key(Key("other", "\ud801"))


def test_another_secret_gives_other_hashes_and_another_fingerprint() -> None:
    other = KeyHasher(b"another secret")
    assert other.fingerprint != HASHER.fingerprint
    assert other.hash_key(Key("vin", "X")) != HASHER.hash_key(Key("vin", "X"))
    again = KeyHasher(b"a secret of the tests")
    assert (again.fingerprint, again.hash_key(Key("vin", "X"))) == (HASHER.fingerprint, HASHER.hash_key(Key("vin", "X")))


def test_neighbouring_identifiers_spread_over_every_bit() -> None:
    hashes = HASHER.hash_values("resident_id", [f"110105194912{n:06d}" for n in range(20_000)])
    assert len(np.unique(hashes)) == 20_000
    ones = [int(((hashes >> np.uint64(bit)) & np.uint64(1)).sum()) for bit in range(64)]
    assert all(9_500 < count < 10_500 for count in ones)
