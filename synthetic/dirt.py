"""Dirt that changes how an identifier or a name is written and never what it is (contract, "Keys")."""

from __future__ import annotations

from typing import Final

from synthetic.dice import Dice
from synthetic.people import Document

_FULL_WIDTH: Final = {c: c + 0xFEE0 for c in range(0x21, 0x7F)} | {0x20: 0x3000}
_SEPARATORS: Final = (" ", "  ", "-", "·", "・", "　", "\u00a0", "－", "‐", "•")
_DOTS: Final = ("·", "・", "•", "‧", "･", "")
_LETTERS_OF_PLATE: Final = {"1": "I", "0": "O"}
_LETTERS_OF_VIN: Final = {"1": ("I",), "0": ("O", "Q")}
_SERIAL_START: Final = 2  # the province character and the office letter come before


def dirty_text(text: str, dice: Dice) -> str:
    """An identifier in another spelling: full width, lower case, with separators, or several of these."""
    way = dice.below(6)
    if way in (0, 4):
        text = full_width(text)
    if way in (1, 5):
        text = text.lower()
    if way >= 2:
        text = _separated(text, dice)
    return text


def dirty_document(document: Document, dice: Dice) -> Document:
    """The same document, written otherwise.

    A resident ID may lose its century (15 digits) or stand under another document's type; a permit may gain its issue
    count.
    """
    kind, number = document
    if kind == "resident_id":
        way = dice.below(6)
        if way < 2 and number[6:8] == "19":
            number = short_id(number)
        elif way == 2:
            kind = dice.of(("passport", "other", "hk_macau_permit", "driving_licence", "taiwan_permit"))
    elif kind in ("hk_macau_permit", "taiwan_permit") and dice.chance(60):
        number += f"{dice.below(20):02}"
    return Document(kind, dirty_text(number, dice) if dice.chance(80) else number)


def short_id(number: str) -> str:
    """The 15 digits that a resident ID of someone born before 2000 once had: no century, no check character."""
    return number[:6] + number[8:17]


def repairable(plate: str, dice: Dice) -> str:
    """The plate with letters I and O for some digits 1 and 0 of its serial part; as it was, where it has none."""
    places = [i for i in range(_SERIAL_START, len(plate)) if plate[i] in _LETTERS_OF_PLATE]
    if not places:
        return plate
    chosen = dice.of(places)
    return plate[:chosen] + _LETTERS_OF_PLATE[plate[chosen]] + plate[chosen + 1 :]


def dirty_plate(plate: str, dice: Dice) -> str:
    """The plate with a dot after the office letter, or otherwise respelled, without need of repair."""
    if dice.chance(50):
        return f"{plate[:_SERIAL_START]}{dice.of(('·', ' ', '-', '•'))}{plate[_SERIAL_START:]}"
    return dirty_text(plate, dice)


def dirty_vin(vin: str, dice: Dice) -> str:
    """The VIN with I, O or Q for a digit, or respelled."""
    places = [i for i, c in enumerate(vin) if c in _LETTERS_OF_VIN]
    if places and dice.chance(50):
        chosen = dice.of(places)
        vin = vin[:chosen] + dice.of(_LETTERS_OF_VIN[vin[chosen]]) + vin[chosen + 1 :]
    return dirty_text(vin, dice) if dice.chance(60) else vin


def dirty_name(name: str, dice: Dice) -> str:
    """The same name with other dots, spaces, width or case."""
    if "·" in name:
        return name.replace("·", dice.of(_DOTS))
    way = dice.below(4)
    if way == 0:
        return full_width(name)
    if way == 1:
        return name.title()
    return f"{name[:1]} {name[1:]}" if way == 2 else name


def full_width(text: str) -> str:
    """ASCII in its full-width forms (Unicode FF01 to FF5E), which NFKC takes back."""
    return text.translate(_FULL_WIDTH)


def _separated(text: str, dice: Dice) -> str:
    separator = dice.of(_SEPARATORS)
    step = 3 + dice.below(4)
    return separator.join(text[i : i + step] for i in range(0, len(text), step))
