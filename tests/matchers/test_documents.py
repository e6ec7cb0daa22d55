"""Documents: one canonical form for all that the contract calls the same, and warnings that drop nothing."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers.documents import (
    DOCUMENT_TYPES,
    birth_date,
    canonical_document,
    check_character,
    is_valid_resident_id,
    sex,
)
from tests.factory import resident_id

# The standard's own example (GB 11643-1999, 4.1 and annex A).
STANDARD = "11010519491231002X"


@pytest.mark.parametrize(
    ("type_", "number", "canonical"),
    [
        pytest.param("resident_id", STANDARD, ("resident_id", STANDARD), id="18 characters stay"),
        pytest.param("resident_id", STANDARD.lower(), ("resident_id", STANDARD), id="a small x is X"),
        pytest.param("resident_id", "110105491231002", ("resident_id", STANDARD), id="15 digits become 18 in century 19"),
        pytest.param("resident_id", "110105 491231-002", ("resident_id", STANDARD), id="cleaning comes before counting"),
        pytest.param("resident_id", "810000199001010013", ("resident_id", "810000199001010013"), id="region 810000 is real"),
        pytest.param("resident_id", "110105194912310020", ("resident_id", "110105194912310020"), id="a wrong check stays"),
        pytest.param("resident_id", "11010519491231", ("resident_id", "11010519491231"), id="a wrong length stays"),
        pytest.param("passport", STANDARD, ("resident_id", STANDARD), id="a resident ID under passport is a resident ID"),
        pytest.param("other", " 1101051949-1231002x", ("resident_id", STANDARD), id="under other as well, once cleaned"),
        pytest.param("taiwan_permit", STANDARD, ("resident_id", STANDARD), id="under a permit as well"),
        pytest.param("driving_licence", STANDARD, ("resident_id", STANDARD), id="under an unknown type as well"),
        pytest.param("passport", "110105194912310020", ("passport", "110105194912310020"), id="not with a wrong check"),
        pytest.param("passport", "110105491231002", ("passport", "110105491231002"), id="not with 15 digits"),
        pytest.param("hk_macau_permit", "H12345678", ("hk_macau_permit", "H12345678"), id="a letter and 8 digits stay"),
        pytest.param("hk_macau_permit", "h1234567801", ("hk_macau_permit", "H12345678"), id="its issue count is dropped"),
        pytest.param("hk_macau_permit", "1234567801", ("hk_macau_permit", "1234567801"), id="without its letter it has none"),
        pytest.param("taiwan_permit", "12345678", ("taiwan_permit", "12345678"), id="8 digits stay"),
        pytest.param("taiwan_permit", "1234567801", ("taiwan_permit", "12345678"), id="their issue count is dropped"),
        pytest.param("taiwan_permit", "12345678(01)", ("taiwan_permit", "12345678(01)"), id="brackets are not removed"),
        pytest.param("taiwan_permit", "A123456701", ("taiwan_permit", "A123456701"), id="a letter is no digit of theirs"),
        pytest.param("passport", "E1234567801", ("passport", "E1234567801"), id="a passport has no issue count"),
        pytest.param("exit_entry_permit", "c 1234-5678", ("exit_entry_permit", "C12345678"), id="the rest as cleaned"),
        pytest.param(
            "foreign_permanent_residence",
            "usa310075112101",
            ("foreign_permanent_residence", "USA310075112101"),
            id="residence as cleaned",
        ),
        pytest.param("driving_licence", "A1", ("other", "A1"), id="an unknown type is other"),
        pytest.param("plate", "粤A12345", ("other", "粤A12345"), id="plate is no document type"),
        pytest.param("vin", "LSVAU033292123456", ("other", "LSVAU033292123456"), id="vin is no document type"),
        pytest.param("RESIDENT_ID", "A1", ("other", "A1"), id="a type is compared to the letter"),
        pytest.param("passport", " - ", ("passport", ""), id="nothing is left of separators"),
    ],
)
def test_canonical_form(type_: str, number: str, canonical: tuple[str, str]) -> None:
    document = canonical_document(type_, number)
    assert (document.type, document.number) == canonical
    assert document.given == number


@pytest.mark.parametrize(
    ("number", "said"),
    [
        pytest.param(STANDARD, [], id="nothing is odd about the standard's example"),
        pytest.param("110105194912310020", ["check character"], id="a wrong check character"),
        pytest.param(resident_id(birth="19490231"), ["birth date"], id="a date outside the calendar"),
        pytest.param("110105194913310020", ["birth date", "check character"], id="both"),
        pytest.param("110105490231002", ["birth date"], id="15 digits with a date outside the calendar"),
        pytest.param("1101051949123100", ["15 digits"], id="a wrong length"),
        pytest.param(resident_id(region="810000"), [], id="a region is not verified"),
        pytest.param(resident_id(region="999999"), [], id="not even one that is none"),
    ],
)
def test_oddities_are_warnings_without_the_number(number: str, said: list[str]) -> None:
    warnings = canonical_document("resident_id", number).warnings
    assert len(warnings) == len(said)
    assert all(word in warning for word, warning in zip(said, warnings, strict=True))
    assert not any(number in warning for warning in warnings)


def test_birth_date_and_sex_are_read_from_a_resident_id() -> None:
    assert birth_date(STANDARD) == dt.date(1949, 12, 31)
    assert birth_date(resident_id(birth="20230229")) is None
    assert (sex(resident_id(sequence=1)), sex(resident_id(sequence=2))) == ("male", "female")


@given(st.from_regex(r"[0-9]{17}", fullmatch=True))
@settings(deadline=None)
def test_exactly_one_check_character_is_right(first_17: str) -> None:
    right = [c for c in "0123456789X" if is_valid_resident_id(first_17 + c)]
    assert right == ([check_character(first_17)] if birth_date(first_17) is not None else [])


@given(st.from_regex(r"[0-9]{17}", fullmatch=True), st.integers(0, 16), st.integers(1, 9))
@settings(deadline=None)
def test_the_check_character_finds_every_single_wrong_digit(first_17: str, position: int, by: int) -> None:
    wrong = f"{first_17[:position]}{(int(first_17[position]) + by) % 10}{first_17[position + 1 :]}"
    assert check_character(wrong) != check_character(first_17)


@given(st.sampled_from(DOCUMENT_TYPES), st.text())
@settings(deadline=None)
def test_a_canonical_form_is_canonical_but_for_an_issue_count_that_is_dropped_once(type_: str, number: str) -> None:
    document = canonical_document(type_, number)
    again = canonical_document(document.type, document.number)
    assert (again.type, again.number) == (document.type, document.number)
