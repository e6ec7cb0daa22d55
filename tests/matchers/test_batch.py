"""Batches: the fast reader reads what the careful one reads, as it does, or says that it is not sure."""

from __future__ import annotations

import copy
import datetime as dt
import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matchers.batch import SightingBatch, SightingReader, Texts
from matchers.documents import canonical_document
from matchers.keys import Key, KeyHasher
from matchers.sighting import Sighting, read_sighting
from matchers.wire import RECORD_BYTES_MAX, UnreadableError
from tests.factory import (
    ID,
    KINDS,
    PLATE,
    VIN,
    Fields,
    as_record,
    changed,
    person_fields,
    resident_id,
    sighting_bytes,
    sighting_fields,
    vehicle_fields,
)

HASHER = KeyHasher(b"a secret of the tests")
READER = SightingReader(HASHER)


def read(records: list[bytes]) -> SightingBatch:
    return READER.read(Texts.of(records))


# --- spellings of one identifier ------------------------------------------------------------------------------------

SEPARATORS = (
    " \t\u00a0\u2003\u3000\u202f-\u00ad\u2010\u2011\u2013\u2014\u2212\u1806\uff0d\u00b7\u2022\u2027\u30fb\uff65\u200b\ufeff"
)
CONFUSED = {"1": "I", "0": "OQ"}


@st.composite
def spelled(draw: st.DrawFn, canonical: str, confused_from: int | None = None, confused_to: str = "IOQ") -> str:
    """The identifier as somebody might write it; from ``confused_from`` on with letters for the digits they look like."""
    written = []
    for place, character in enumerate(canonical):
        if confused_from is not None and place >= confused_from and draw(st.integers(0, 3)) == 0:
            likely = [letter for letter in CONFUSED.get(character, "") if letter in confused_to]
            character = draw(st.sampled_from(likely)) if likely else character
        form = draw(st.integers(0, 3))
        if form == 1:
            character = character.lower()
        elif form >= 2 and character.isascii():
            character = chr(ord(character if form == 2 else character.lower()) + 0xFEE0)
        written.append(character)
        if draw(st.integers(0, 4)) == 0:
            written.append(draw(st.text(st.sampled_from(SEPARATORS), min_size=1, max_size=2)))
    return draw(st.text(st.sampled_from(SEPARATORS), max_size=1)) + "".join(written)


old_births = st.dates(dt.date(1900, 1, 1), dt.date(1999, 12, 31))


@st.composite
def same_documents(draw: st.DrawFn) -> tuple[Fields, Key]:
    """A document as it is sent and the key that the contract gives it."""
    digits = draw(st.from_regex(r"[0-9]{8}", fullmatch=True))
    issue = draw(st.sampled_from(["", "00", "01", "12"]))
    match draw(st.integers(0, 5)):
        case 0 | 1:
            number = resident_id(draw(st.integers(0, 999)), draw(old_births).strftime("%Y%m%d"))
            key = Key("resident_id", number)
            type_ = draw(st.sampled_from(["resident_id", "passport", "other", "hk_macau_permit", "plate", "vin", "card"]))
            if type_ == "resident_id" and draw(st.booleans()):
                number = number[:6] + number[8:17]
        case 2:
            letter = draw(st.sampled_from("HMC"))
            type_, number, key = "hk_macau_permit", letter + digits + issue, Key("hk_macau_permit", letter + digits)
        case 3:
            type_, number, key = "taiwan_permit", digits + issue, Key("taiwan_permit", digits)
        case 4:
            type_, number, key = "passport", "E" + digits, Key("passport", "E" + digits)
        case _:
            type_ = draw(st.sampled_from(["other", "plate", "vin", "driving_licence"]))
            number = draw(st.sampled_from([PLATE, VIN, "A1"]))
            key = Key("other", number)
    return {"type": type_, "number": draw(spelled(number))}, key


plates = st.from_regex(r"[京津沪渝粤鄂湘川新藏][A-Z][A-HJ-NP-Z0-9]{5,6}", fullmatch=True)
vins = st.from_regex(r"[A-HJ-NPR-Z0-9]{17}", fullmatch=True)


@given(st.lists(same_documents(), min_size=1, max_size=8))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_spelling_of_a_document_is_the_same_key_alone_and_in_a_batch(documents: list[tuple[Fields, Key]]) -> None:
    records = [sighting_bytes("identity_check", person={"document": document}) for document, _ in documents]
    for record, (document, key) in zip(records, documents, strict=True):
        assert read_sighting(record).keys() == (key,)
        canonical = canonical_document(document["type"], document["number"])
        assert (canonical.type, canonical.number) == key
    assert by_row(read(records)) == {row: {HASHER.hash_key(key)} for row, (_, key) in enumerate(documents)}


@given(st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_spelling_of_a_vehicle_is_the_same_keys_alone_and_in_a_batch(data: st.DataObject) -> None:
    expected, records = {}, []
    for row in range(data.draw(st.integers(1, 6))):
        plate, vin = data.draw(plates), data.draw(vins)
        sent = vehicle_fields(data.draw(spelled(plate, 2, "IO")), data.draw(spelled(vin, 0)))
        records.append(sighting_bytes("vehicle_inspection", vehicle=sent))
        assert read_sighting(records[-1]).keys() == (Key("plate", plate), Key("vin", vin))
        expected[row] = {HASHER.hash_key(Key("plate", plate)), HASHER.hash_key(Key("vin", vin))}
    assert by_row(read(records)) == expected


# --- records of every kind of damage --------------------------------------------------------------------------------

junk_texts = st.text(max_size=6) | st.sampled_from(
    ["\ud800", "\udc00x", "\n", "\u2028", "\0", "", " ", "-", "plate", "vin", ID, VIN]
)
junk: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**30, -(10**400), 0, 1.5e300, float("nan"), float("inf"), -0.0])
    | st.floats()
    | junk_texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(junk_texts, inner, max_size=3),
    max_leaves=6,
)
whole = st.builds(
    lambda kind, with_person, with_vehicle: {
        **sighting_fields(kind),
        **({"person": person_fields()} if with_person else {}),
        **({"vehicle": vehicle_fields()} if with_vehicle else {}),
    },
    st.sampled_from(KINDS),
    st.booleans(),
    st.booleans(),
)


def paths(value: object, before: str = "") -> list[str]:
    """Dotted paths to all that is inside a value, as ``changed`` takes them."""
    if not isinstance(value, dict):
        return []
    named = [(before + name, inner) for name, inner in value.items() if name and "." not in name]
    return [path for here, inner in named for path in (here, *paths(inner, f"{here}."))]


@st.composite
def mutated(draw: st.DrawFn) -> Fields:
    fields = copy.deepcopy(draw(whole))
    for _ in range(draw(st.integers(0, 3))):
        choices = paths(fields)
        if not choices:
            break
        path = draw(st.sampled_from(choices))
        match draw(st.integers(0, 3)):
            case 0:
                fields = changed(fields, path)
            case 1:
                beside = path.rpartition(".")[0]
                name = draw(st.sampled_from(["x", "person", "kind", "vin"]))
                fields = changed(fields, f"{beside}.{name}" if beside else name, draw(junk))
            case _:
                fields = changed(fields, path, draw(junk))
    return fields


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """A record, damaged in what it says or in how it is written."""
    fields = draw(mutated())
    text = json.dumps(fields, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, None, 1])))
    raw = text.encode("utf-8", "surrogatepass")
    match draw(st.integers(0, 11)):
        case 0:
            at = draw(st.integers(0, len(raw)))
            raw = raw[:at] + draw(st.binary(min_size=1, max_size=3)) + raw[at:]
        case 1:
            at = draw(st.integers(0, len(raw) - 1))
            raw = raw[:at] + bytes([draw(st.integers(0, 255))]) + raw[at + 1 :]
        case 2:
            raw = raw[: draw(st.integers(0, len(raw)))]
        case 3:
            again = json.dumps({draw(st.sampled_from(list(fields) or ["x"])): draw(junk)}).encode()
            raw = raw[:-1] + b"," + again[1:] if draw(st.booleans()) else again[:-1] + b"," + raw[1:]
        case 4:
            depth = draw(st.sampled_from([1, 50, 300, 5000]))
            raw = raw[:-1] + b',"deep":' + b"[" * depth + b"]" * depth + b"}"
        case 5:
            number = draw(st.sampled_from([b"1e999", b"-1e999", b"9" * 5000, b"NaN", b"01", b"1.", b"-0", b"Infinity"]))
            raw = raw[:-1] + b',"n":' + number + b"}"
        case 6:
            raw = draw(
                st.sampled_from(
                    [
                        b"",
                        b" ",
                        b"\n",
                        b"[]",
                        b"null",
                        b"{}",
                        raw + raw,
                        raw + b"\n" + raw,
                        b"\xef\xbb\xbf" + raw,
                        b" " + raw + b"\n",
                    ]
                )
            )
        case 7:
            raw = raw.decode("utf-8", "replace").encode("gbk", "replace")
    return raw


def careful(record: bytes) -> Sighting | None:
    try:
        return read_sighting(record)
    except UnreadableError:
        return None


def by_row(batch: SightingBatch) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for row, key in zip(batch.rows.tolist(), batch.keys.tolist(), strict=True):
        found.setdefault(row, set()).add(key)
    return found


def assert_reads_as_the_careful_reader(sent: list[bytes]) -> None:
    batch = read(sent)
    assert batch.unsure == sorted(set(batch.unsure))
    found = by_row(batch)
    for row, record in enumerate(sent):
        sighting = careful(record)
        if row in batch.unsure:
            continue
        assert sighting is not None, "the fast reader read what nobody can"
        assert found.get(row, set()) == {HASHER.hash_key(key) for key in sighting.keys()}
        assert sorted(batch.rows.tolist()).count(row) == len(sighting.keys())


@given(st.lists(records(), max_size=6))
@settings(max_examples=800, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_the_fast_reader_accepts_the_careful_one_reads_with_the_same_keys(sent: list[bytes]) -> None:
    assert_reads_as_the_careful_reader(sent)


@given(st.lists(st.binary(max_size=40), max_size=4))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_noise_is_unsure_and_unreadable(sent: list[bytes]) -> None:
    assert_reads_as_the_careful_reader(sent)


@given(st.lists(records() | whole.map(as_record), max_size=12))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_batch_is_its_records_whatever_they_stand_beside(sent: list[bytes]) -> None:
    together, alone = read(sent), [read([record]) for record in sent]
    assert together.unsure == [row for row, one in enumerate(alone) if one.unsure]
    assert by_row(together) == {row: by_row(one)[0] for row, one in enumerate(alone) if len(one.keys)}


@given(records())
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_was_read_can_be_written_again(record: bytes) -> None:
    sighting = careful(record)
    if sighting is not None:
        written = json.dumps(sighting.fields, ensure_ascii=False).encode()
        again = read_sighting(written)
        assert (again.id, again.keys()) == (sighting.id, sighting.keys())


# --- one bad record -------------------------------------------------------------------------------------------------

GOOD = [sighting_bytes(kind, id=str(n)) for n, kind in enumerate(KINDS * 3)]
TWO = GOOD[0] + GOOD[1]
BAD = [
    pytest.param([b""], id="nothing"),
    pytest.param([b"\n"], id="a line break"),
    pytest.param([b"\xff"], id="a byte of no text"),
    pytest.param([GOOD[0][:-1]], id="half a record"),
    pytest.param([TWO], id="two records in one"),
    pytest.param([GOOD[0] + b"\n" + GOOD[1]], id="two lines in one"),
    pytest.param([TWO, b""], id="two in one and none in the next"),
    pytest.param([GOOD[0][:-1] + b',"x":[1,', b"2]}", TWO], id="one in two and two in one"),
    pytest.param([GOOD[0] + b",", b"," + GOOD[0]], id="commas"),
    pytest.param([b"[" * 100_000], id="nested without end"),
    pytest.param([GOOD[0] + b" " * RECORD_BYTES_MAX], id="longer than Kafka carries"),
    pytest.param([sighting_bytes(kind="bus_ride")], id="an unknown kind"),
    pytest.param([sighting_bytes(vehicle={"plate": "-", "vin": " "})], id="blank identifiers"),
]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("at", [0, 5, len(GOOD)])
def test_a_bad_record_costs_itself_only(bad: list[bytes], at: int) -> None:
    batch = read(GOOD[:at] + bad + GOOD[at:])
    assert batch.unsure == list(range(at, at + len(bad)))
    good = {row: keys for row, keys in by_row(batch).items() if row not in batch.unsure}
    expected = by_row(read(GOOD))
    assert good == {row if row < at else row + len(bad): keys for row, keys in expected.items()}


def test_rows_are_numbered_through_a_large_batch() -> None:
    rng = random.Random(3)
    sent, expected = [], {}
    for row in range(3000):
        if rng.random() < 0.01:
            sent.append(b"{")
        else:
            sent.append(sighting_bytes("hotel_checkin", person=person_fields(resident_id(row % 1000))))
            expected[row] = {HASHER.hash_key(Key("resident_id", resident_id(row % 1000)))}
    batch = read(sent)
    assert by_row(batch) == expected
    assert batch.unsure == [row for row in range(len(sent)) if row not in expected]


def test_an_empty_batch_has_nothing() -> None:
    batch = read([])
    assert (len(batch.rows), len(batch.keys), batch.unsure) == (0, 0, [])


@pytest.mark.parametrize("kind", KINDS)
def test_the_fast_reader_is_sure_of_every_ordinary_sighting(kind: str) -> None:
    """Not needed to be right, but to be fast."""
    ordinary = [
        sighting_fields(kind),
        {"unknown": {"deep": [1, None]}, **sighting_fields(kind)},
        sighting_fields(kind, person=person_fields(name=None), vehicle=vehicle_fields(vin=None)),
        {**sighting_fields(kind), "vehicle" if kind != "vehicle_inspection" else "person": None},
        sighting_fields(kind, stay="wrong", crossing=7, inspection=[]),
        dict(reversed(sighting_fields(kind).items())),
    ]
    assert read([as_record(fields) for fields in ordinary]).unsure == []


@pytest.mark.parametrize("type_", ["plate", "vin", "kind", "", "driving_licence"])
def test_a_document_of_an_unknown_type_is_other_even_when_it_is_called_a_plate(type_: str) -> None:
    batch = read([sighting_bytes(person=person_fields("LSVAUO3329212345I", type_))])
    assert batch.keys.tolist() == [HASHER.hash_key(Key("other", "LSVAUO3329212345I"))]
