"""The wire: JSON in UTF-8, required values strict, all others lenient, and damage that costs its own value only."""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from matchers.sighting import read_sighting
from matchers.wire import (
    LENIENT,
    RECORD_BYTES_MAX,
    Message,
    NonEmpty,
    Text,
    Timestamp,
    UnreadableError,
    is_deep,
    mended,
    place,
    read_damaged,
    read_object,
    reason,
    unwritable,
)
from stream.core.question import read_answer
from tests.factory import sighting_bytes


class Note(Message):
    at: Timestamp
    by: NonEmpty
    text: Annotated[Text | None, LENIENT] = None


VALID = {"at": "2026-11-24T22:14:03+08:00", "by": "somebody", "text": "something"}


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        pytest.param("2026-11-24T22:14:03+08:00", "2026-11-24T14:14:03", id="an offset"),
        pytest.param("2026-11-24T14:14:03Z", "2026-11-24T14:14:03", id="Z"),
        pytest.param("2026-11-24t14:14:03z", "2026-11-24T14:14:03", id="small t and z"),
        pytest.param("2026-11-24 14:14:03Z", "2026-11-24T14:14:03", id="a space for T"),
        pytest.param("2026-11-24T14:14:03.5Z", "2026-11-24T14:14:03.500000", id="a fraction"),
        pytest.param("2016-12-31T23:59:60Z", "2017-01-01T00:00:00", id="a leap second"),
        pytest.param("2017-01-01T07:59:60.25+08:00", "2017-01-01T00:00:00.250000", id="a leap second here"),
    ],
)
def test_timestamps_are_rfc_3339(written: str, utc: str) -> None:
    note = Note.model_validate({**VALID, "at": written})
    assert note.at.astimezone(dt.UTC).replace(tzinfo=None).isoformat() == utc


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("2026-11-24T22:14:03", id="without an offset"),
        pytest.param("2026-11-24", id="a date"),
        pytest.param("2026-02-29T00:00:00Z", id="a day that is none"),
        pytest.param("2026-11-24T25:00:00Z", id="an hour that is none"),
        pytest.param("2026-11-24T22:14:61Z", id="a second that is none"),
        pytest.param("9999-12-31T23:59:60Z", id="a leap second at the end of time"),
        pytest.param("2026-11-24T22:14:03+24:00", id="an offset that is none"),
        pytest.param("２０２６-11-24T22:14:03Z", id="full-width digits"),
        pytest.param("2026-11-24T22:14:03\udce4", id="half a character"),
        pytest.param("", id="nothing"),
        pytest.param(1795529643, id="a number"),
        pytest.param(None, id="null"),
        pytest.param(True, id="a bool"),
        pytest.param([], id="a list"),
    ],
)
def test_what_is_no_timestamp_is_refused(written: object) -> None:
    with pytest.raises(ValidationError):
        Note.model_validate({**VALID, "at": written})


@pytest.mark.parametrize("wrong", [1, 1.5, True, None, [], {}, ["x"], "", b"bytes", "\ud800"])
def test_a_required_text_is_strict(wrong: object) -> None:
    with pytest.raises(ValidationError):
        Note.model_validate({**VALID, "by": wrong})


@pytest.mark.parametrize("wrong", [1, 1.5, True, [], {}, "half a \udce4"])
def test_a_lenient_text_is_dropped_with_a_warning_that_keeps_its_value_secret(wrong: object) -> None:
    warnings: list[str] = []
    note = Note.model_validate({**VALID, "text": wrong}, context={"warnings": warnings})
    assert note.text is None
    assert len(warnings) == 1
    assert warnings[0].startswith("text: ")
    assert "half" not in warnings[0]


def test_unknown_fields_are_tolerated_and_carried() -> None:
    note = Note.model_validate({**VALID, "colour": {"deep": [1]}})
    assert note.model_dump()["colour"] == {"deep": [1]}


def test_a_reason_says_where_and_not_what() -> None:
    with pytest.raises(ValidationError) as caught:
        Note.model_validate({"at": "secret", "by": 42})
    said = reason(caught.value)
    assert said.startswith("at: ")
    assert "; by: " in said
    assert "secret" not in said
    assert "42" not in said


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        pytest.param(b"", "not_json", id="nothing"),
        pytest.param(b"{", "not_json", id="half an object"),
        pytest.param(b'{"a":NaN}', "not_json", id="NaN is not JSON"),
        pytest.param(b'{"a":1}{"a":1}', "not_json", id="two objects"),
        pytest.param(b'{"a":1} x', "not_json", id="something behind the object"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', "not_json", id="a byte order mark"),
        pytest.param(b"[" * 100_000, "too_deep", id="nested without end"),
        pytest.param(b'{"a":' * 65 + b"1" + b"}" * 65, "too_deep", id="nested one too deep"),
        pytest.param(b"[1]", "not_an_object", id="a list"),
        pytest.param(b"null", "not_an_object", id="null"),
        pytest.param(b'"text"', "not_an_object", id="a text"),
        pytest.param('{"a":"王伟"}'.encode("gbk"), "not_utf8", id="GBK"),
        pytest.param(b" " * RECORD_BYTES_MAX + b"{}", "too_long", id="longer than Kafka carries"),
    ],
)
def test_unreadable_records_say_why(raw: bytes, why: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        read_object(raw)
    assert caught.value.reason == why


@pytest.mark.parametrize(
    ("raw", "deep"),
    [
        pytest.param(b'{"a":' * 64 + b"1" + b"}" * 64, False, id="as deep as may be"),
        pytest.param(b"[" * 65 + b"]" * 65, True, id="deeper"),
        pytest.param(b"[" + b",".join([b"{}"] * 1000) + b"]", False, id="many side by side"),
        pytest.param(b'{"a":"' + b"[" * 100 + b'"}', False, id="brackets in a text"),
        pytest.param(b'{"a":"\\\\\\"' + b"[" * 100 + b'"}', False, id="and behind a quotation mark in it"),
        pytest.param(b'{"a":"\\\\"' + b"[" * 100, True, id="and behind its end"),
        pytest.param(b'"' + b'\\"' * 300_000 + b"[" * 100, False, id="a text without end is looked through once"),
    ],
)
def test_depth_is_counted_outside_of_texts(raw: bytes, deep: bool) -> None:
    assert is_deep(raw) is deep


@pytest.mark.parametrize(
    ("raw", "wrong"),
    [
        pytest.param('{"a":"张😀"}'.encode(), None, id="UTF-8"),
        pytest.param(b'{"a":"\\ud83d\\ude00"}', None, id="a pair of surrogates"),
        pytest.param(b'{"a":"\\\\ud83d"}', None, id="a backslash before letters"),
        pytest.param(b'{"a":"\\ud83d"}', "a text in it has an unpaired surrogate", id="half an emoji"),
        pytest.param(b'{"a":"\\uDE00\\ud83d"}', "a text in it has an unpaired surrogate", id="the wrong way round"),
        pytest.param(b'{"a":"\\ud83d\\\\ude00"}', "a text in it has an unpaired surrogate", id="a backslash between"),
        pytest.param(b'{"a":"\xed\xa0\x80"}', "not UTF-8", id="a surrogate in bytes"),
        pytest.param('{"a":"张"}'.encode("gbk"), "not UTF-8", id="GBK"),
        pytest.param('{"a":"b"}'.encode("utf-16-le"), "not UTF-8", id="UTF-16"),
        pytest.param(b"[" * 65, "nested more than 64 deep", id="deep"),
    ],
)
def test_what_could_not_be_written_again_is_named(raw: bytes, wrong: str | None) -> None:
    assert unwritable(raw) == wrong


def test_what_is_nested_too_deep_costs_no_sighting_and_is_left_out() -> None:
    deep = b'{"later":' * 300 + b"1" + b"}" * 300
    seen = read_sighting(sighting_bytes()[:-1] + b',"more":{"a":1,"b":' + deep + b"}}")
    assert seen.keys() == read_sighting(sighting_bytes()).keys()
    assert (seen.fields["more"]["a"], len(seen.warnings)) == (1, 1)
    assert not is_deep(json.dumps(seen.fields).encode())


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        pytest.param('{"a":"张"}'.encode("gbk"), {"a": "\udcd5\udcc5"}, id="GBK is bytes, one by one"),
        pytest.param(b'{"a":"\xe7\x8e"}', {"a": "\udce7\udc8e"}, id="a cut character leaves the quote behind it alone"),
        pytest.param(b'{"a":"\\ud83d"}', {"a": "\ud83d"}, id="half an emoji"),
        pytest.param(b'{"\xff":1}', {"\ufffd": 1}, id="a damaged name of a field is made legible"),
        pytest.param(b'{"a":NaN,"b":"\xff"}', None, id="NaN stays unreadable"),
        pytest.param(b'["\xff"]', None, id="a list stays unreadable"),
        pytest.param(b'{"a":"\xff"', None, id="half an object stays unreadable"),
        pytest.param(b'{"a":"\xff"}' + b"[" * 100_000, None, id="so does nesting without end"),
    ],
)
def test_damage_to_a_value_is_marked_in_that_value(raw: bytes, value: object) -> None:
    assert read_damaged(raw) == value


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 5000, "-" + "9" * 5000])
def test_a_number_that_no_type_holds_is_no_text_but_is_shown_as_one(number: str) -> None:
    value = read_damaged(f'{{"by":{number}}}'.encode())
    assert value is not None
    with pytest.raises(ValidationError):
        Note.model_validate({**VALID, **value})
    assert mended(value) == {"by": {"damaged": number}}


@given(st.binary())
@settings(deadline=None)
def test_damage_inside_a_text_never_moves_the_text_s_end(junk: bytes) -> None:
    high = bytes(byte | 0x80 for byte in junk)
    value = read_damaged(b'{"a":"' + high + b'","b":"kept"}')
    assert value is not None
    assert value["b"] == "kept"


any_text = st.text(st.characters(codec=None, exclude_categories=()))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(json_values)
@settings(deadline=None)
def test_what_was_mended_can_be_written_and_needs_no_mending(value: object) -> None:
    written = json.dumps(mended(value), ensure_ascii=False).encode()
    assert mended(json.loads(written)) == json.loads(written)


def test_a_damaged_text_is_shown_as_far_as_it_is_legible_and_is_no_text() -> None:
    assert mended({"a": ["12\udce43"], "b": "whole"}) == {"a": [{"damaged": "12\ufffd3"}], "b": "whole"}


def test_a_name_that_is_no_form_s_is_not_repeated() -> None:
    assert place(("narrow", 0, "not_before")) == "narrow.0.not_before"
    for name in ("王伟", "11010519491231002X", "", "E12345678", "a" * 65):
        assert name == "" or name not in place(("body", name))
    with pytest.raises(UnreadableError) as refused:
        read_answer(b'{"query_id": "1", "records": {"\xe7\x8e\x8b\xe4\xbc\x9f": 1}}')
    assert "王伟" not in refused.value.detail
