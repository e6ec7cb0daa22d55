"""Cleaning: what is the same to the contract becomes the same text, and clean text stays as it is."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers.text import _in_full, clean, clean_name

SPACES = [chr(c) for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) in ("Zs", "Zl", "Zp")]
DASHES = [chr(c) for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) == "Pd" and c < 0x10000]
MINUSES = list("\u00ad\u2043\u2212")
MIDDLE_DOTS = list("\u00b7\u0387\u2022\u2027\u2219\u22c5\u2e31\u30fb\uff65\ua78f")
INVISIBLE = list("\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u2060\u2066\u2069\ufeff")

any_text = st.text(st.characters(codec=None, exclude_categories=()))


@pytest.mark.parametrize(
    ("given_text", "cleaned"),
    [
        pytest.param("e12345678", "E12345678", id="lower case becomes upper case"),
        pytest.param("Ｅ１２３４５６７８", "E12345678", id="full-width letters and digits become ASCII"),
        pytest.param("１１０１０５１９４９１２３１００２ｘ", "11010519491231002X", id="full-width lower case as well"),
        pytest.param("①②③", "123", id="every other compatibility form as well"),
        pytest.param("粤Ａ·１２３４５", "粤A12345", id="an ideograph stays"),
        pytest.param("\tE 1234\r\n5678 ", "E12345678", id="white space inside and around goes"),
        pytest.param("", "", id="nothing stays nothing"),
        pytest.param(" -·\u3000", "", id="separators only leave nothing"),
        pytest.param("E1234.5678", "E1234.5678", id="a full stop is no middle dot"),
        pytest.param("E1234_5678/9", "E1234_5678/9", id="other punctuation stays"),
    ],
)
def test_cleaning(given_text: str, cleaned: str) -> None:
    assert clean(given_text) == cleaned


@pytest.mark.parametrize("character", SPACES + DASHES + MINUSES + MIDDLE_DOTS + INVISIBLE, ids=lambda c: f"U+{ord(c):04X}")
def test_every_space_hyphen_and_middle_dot_goes(character: str) -> None:
    assert clean(f"{character}E1{character}{character}2{character}") == "E12"


@pytest.mark.parametrize("character", SPACES + MIDDLE_DOTS, ids=lambda c: f"U+{ord(c):04X}")
def test_every_space_and_middle_dot_goes_from_a_name(character: str) -> None:
    assert clean_name(f"买买提{character}艾力") == "买买提艾力"


@pytest.mark.parametrize(
    ("given_text", "cleaned"),
    [
        pytest.param("Ａｌｉ　Ｈａｓｓａｎ", "alihassan", id="NFKC and case folding"),
        pytest.param("Straße", "strasse", id="folding, not lower-casing"),
        pytest.param("Jean-Luc", "jean-luc", id="a hyphen is part of a name"),
    ],
)
def test_cleaning_of_names(given_text: str, cleaned: str) -> None:
    assert clean_name(given_text) == cleaned


@given(any_text)
@settings(deadline=None)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    for cleaner in (clean, clean_name):
        cleaned = cleaner(text)
        assert cleaner(cleaned) == cleaned


@given(st.text(st.characters(max_codepoint=127)))
@settings(deadline=None)
def test_ascii_takes_a_short_cut_to_the_same_end(text: str) -> None:
    assert clean(text) == clean(text + "\u00b7")


@given(any_text | st.text(st.sampled_from("粤Ａａ１0aIſıß－・\u00ad\u3000 \u0301ﬁ㈱")))
@settings(deadline=None)
def test_the_short_cut_ends_where_the_long_way_does(text: str) -> None:
    assert clean(text) == _in_full(text)


@given(any_text)
@settings(deadline=None)
def test_a_clean_text_is_nfkc_and_has_no_white_space(text: str) -> None:
    cleaned = clean(text)
    assert unicodedata.is_normalized("NFKC", cleaned)
    assert cleaned == "".join(cleaned.split())


def test_no_character_of_unicode_is_unstable() -> None:
    unstable = [
        hex(code)
        for code in range(0x80, sys.maxunicode + 1)
        if unicodedata.category(chr(code)) not in ("Cn", "Co")  # unassigned and private
        for cleaner in (clean, clean_name)
        if cleaner(cleaner(chr(code))) != cleaner(chr(code))
    ]
    assert unstable == []


def test_the_short_cut_is_right_for_every_character_of_unicode() -> None:
    assert [hex(code) for code in range(sys.maxunicode + 1) if clean(chr(code)) != _in_full(chr(code))] == []
