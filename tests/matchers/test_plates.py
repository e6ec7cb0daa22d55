"""Plates and VINs: what cannot stand on them is read as what it looks like."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers.plates import canonical_plate, canonical_plate_class, canonical_vin, has_right_check_digit
from tests.factory import VIN


@pytest.mark.parametrize(
    ("plate", "number", "repaired"),
    [
        pytest.param("粤A12345", "粤A12345", False, id="a plate stays"),
        pytest.param("粤a·12 3-45", "粤A12345", False, id="cleaning is no repair"),
        pytest.param("粤ＡＩ２３４５", "粤A12345", True, id="I in the serial is 1, full width as well"),
        pytest.param("粤Ai2345", "粤A12345", True, id="so is a small i"),
        pytest.param("粤A1234O", "粤A12340", True, id="O in the serial is 0"),
        pytest.param("粤AIOIOI", "粤A10101", True, id="all of them"),
        pytest.param("京O12345", "京O12345", False, id="the office letter O is real"),
        pytest.param("京OO2345", "京O02345", True, id="behind it O is 0"),
        pytest.param("粤AQ2345", "粤AQ2345", False, id="Q is real on a plate"),
        pytest.param("粤AD12345", "粤AD12345", False, id="a new-energy plate has 8 characters"),
        pytest.param("粤ADI2345", "粤AD12345", True, id="and is repaired as well"),
        pytest.param("粤B1234港", "粤B1234港", False, id="an ideograph may end a plate"),
        pytest.param("", "", False, id="nothing stays nothing"),
    ],
)
def test_canonical_plate(plate: str, number: str, repaired: bool) -> None:
    canonical = canonical_plate(plate)
    assert (canonical.number, canonical.repaired, canonical.given) == (number, repaired, plate)
    assert canonical.warnings == ()


@pytest.mark.parametrize("plate", ["粤A1234", "粤A1234567", "A"])
def test_a_plate_of_a_wrong_length_is_a_warning(plate: str) -> None:
    assert len(canonical_plate(plate).warnings) == 1


@pytest.mark.parametrize(
    ("given_class", "canonical"),
    [
        pytest.param("02", "02", id="a code stays"),
        pytest.param("０２", "02", id="full width is the same code"),
        pytest.param(" 52 ", "52", id="spaces do not count"),
        pytest.param(None, None, id="a missing class is not known"),
        pytest.param("", None, id="an empty class is not known"),
        pytest.param("2", None, id="one digit is no code"),
        pytest.param("small", None, id="a word is no code"),
    ],
)
def test_canonical_plate_class(given_class: str | None, canonical: str | None) -> None:
    assert canonical_plate_class(given_class) == canonical


@pytest.mark.parametrize(
    ("vin", "number"),
    [
        pytest.param(VIN, VIN, id="a VIN stays"),
        pytest.param(VIN.lower(), VIN, id="lower case is the same"),
        pytest.param("LSVAUO33292I23456", "LSVAU033292123456", id="O is 0 and I is 1"),
        pytest.param("LSVAUQ33292123456", "LSVAU033292123456", id="Q is 0"),
        pytest.param("lsv-auo33 292i23456", "LSVAU033292123456", id="after cleaning"),
        pytest.param("ＩＯＱ", "100", id="at every place and length"),
    ],
)
def test_canonical_vin(vin: str, number: str) -> None:
    assert canonical_vin(vin).number == number


def test_the_check_digit_of_a_vin() -> None:
    # 49 CFR 565.15 and ISO 3779's textbook example, and the one whose every product is 1.
    assert has_right_check_digit("1M8GDM9AXKP042788")
    assert has_right_check_digit("11111111111111111")
    assert not has_right_check_digit("1M8GDM9A1KP042788")


@pytest.mark.parametrize(
    ("vin", "word"),
    [
        pytest.param("1M8GDM9A1KP042788", "check digit", id="a wrong check digit"),
        pytest.param("1M8GDM9AXKP04278", "17 characters", id="a wrong length"),
        pytest.param("1M8GDM9AXKP04278粤", "17 characters", id="a character that no VIN has"),
    ],
)
def test_what_is_odd_about_a_vin_is_a_warning(vin: str, word: str) -> None:
    (warning,) = canonical_vin(vin).warnings
    assert word in warning


@given(st.text())
@settings(deadline=None)
def test_canonical_forms_are_canonical(text: str) -> None:
    assert canonical_plate(canonical_plate(text).number).number == canonical_plate(text).number
    assert not canonical_plate(canonical_plate(text).number).repaired
    assert canonical_vin(canonical_vin(text).number).number == canonical_vin(text).number
