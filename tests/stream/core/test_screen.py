"""Screening: whoever may be wanted, or cannot be read, gets a closer look; nobody else does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from matchers.batch import SightingReader, Texts
from matchers.keys import Key, KeyHasher
from matchers.sighting import read_sighting
from stream.core import screen as screening
from watchlists.bloom import KeyFilter

BASES: dict[str, Any] = json.loads((Path(__file__).resolve().parents[2] / "cases" / "bases.json").read_text("utf-8"))
HASHER = KeyHasher(b"test")
SEEN = [json.dumps(record).encode() for record in BASES.values() if "station" in record]


def screen(records: list[bytes], wanted: KeyFilter) -> list[int]:
    return screening.screen(Texts.of(records), SightingReader(HASHER), wanted)


def holding(*keys: Key) -> KeyFilter:
    wanted = KeyFilter(1 << 17, 1e-5)
    wanted.add_keys(np.array([HASHER.hash_key(key) for key in keys], np.uint64))
    return wanted


def test_any_key_of_a_record_nominates_it_once() -> None:
    for number, raw in enumerate(SEEN):
        for key in read_sighting(raw).keys():
            assert number in screen(SEEN, holding(key))
    every = {key for raw in SEEN for key in read_sighting(raw).keys()}
    assert screen(SEEN, holding(*every)) == list(range(len(SEEN)))


def test_nobody_wanted_is_nobody_looked_at() -> None:
    assert screen(SEEN, holding(Key("passport", "E12345678"))) == []
    assert screen([], holding(Key("passport", "E12345678"))) == []


def test_what_the_fast_reader_cannot_read_gets_a_closer_look() -> None:
    records = [SEEN[0], b"{", b"", SEEN[1], SEEN[0] + SEEN[0], b"\xff", SEEN[2]]
    assert screen(records, holding(Key("passport", "E12345678"))) == [1, 2, 4, 5]


def test_positions_ascend_whatever_nominated_them() -> None:
    records = [SEEN[-1], b"{", SEEN[0], b"[]", SEEN[-1]]
    assert screen(records, holding(*read_sighting(SEEN[-1]).keys())) == sorted(range(5))
