"""People who do not exist, with documents that are valid in form.

Two halves share no identifier, by construction: the wanted have sequence codes below 500 in their resident IDs and
permit numbers that begin with 0 to 4; strangers have the rest.
"""

from __future__ import annotations

import datetime as dt
import functools
from typing import Final, Literal, NamedTuple

from synthetic.checks import id_check
from synthetic.dice import Dice, Shuffle
from synthetic.names import folded, han_name, latin_name
from synthetic.places import REGIONS, SEPARATE_REGIONS

Half = Literal["wanted", "strangers"]

PEOPLE_MAX: Final = 5_000_000
"""How many people one half can hold before a seven-digit passport number would repeat."""

FIRST_BIRTH: Final = dt.date(1940, 1, 1)
BIRTH_DAYS: Final = (dt.date(2008, 1, 1) - FIRST_BIRTH).days
SEQUENCES: Final = 490
FIRST_SEQUENCE: Final[dict[Half, int]] = {"wanted": 1, "strangers": 500}
FIRST_DIGITS: Final = 5  # a permit number begins with one of so many digits in each half

_BIRTH_ORDINAL: Final = FIRST_BIRTH.toordinal()
_PASSPORT_PREFIXES: Final = ("TR", "RU", "FR", "DE", "KR", "VN", "BR", "IT")
_NATIONS: Final = ("JPN", "RUS", "FRA", "DEU", "KOR", "VNM", "BRA", "ITA")


class Document(NamedTuple):
    type: str
    number: str


class Person(NamedTuple):
    """`documents`: what tells this person from all others, the usual one first. `former`: names borne earlier."""

    name: str
    former: tuple[str, ...]
    sex: str
    birth: dt.date
    documents: tuple[Document, ...]
    phone: str


class People:
    """One half of the people of a world, each made when asked for."""

    def __init__(self, seed: int, half: Half) -> None:
        self._seed = seed
        self._thing = half.encode()
        self._first_sequence = FIRST_SEQUENCE[half]
        self._first_digit = 0 if half == "wanted" else FIRST_DIGITS
        self._everywhere = Shuffle(seed, b"id", len(REGIONS) * BIRTH_DAYS * SEQUENCES)
        self._separate = Shuffle(seed, b"separate", BIRTH_DAYS * SEQUENCES)
        self._eight = Shuffle(seed, b"permit", FIRST_DIGITS * 10**7)
        self._seven = Shuffle(seed, b"passport", FIRST_DIGITS * 10**6)

    def __getitem__(self, number: int) -> Person:
        """Person `number`, from 0 to PEOPLE_MAX - 1."""
        dice = Dice(self._seed, self._thing, number)
        kind = dice.below(100)
        if kind < 88:
            return self._resident(number, dice)
        if kind < 92:
            return self._separate_resident(number, dice, dice.of(SEPARATE_REGIONS[:2]))
        if kind < 95:
            return self._separate_resident(number, dice, SEPARATE_REGIONS[2])
        return self._foreigner(number, dice)

    def _resident(self, number: int, dice: Dice) -> Person:
        place, day_and_sequence = divmod(self._everywhere(number), BIRTH_DAYS * SEQUENCES)
        resident_id, birth, sex = self._resident_id(REGIONS[place], day_and_sequence)
        documents = [resident_id]
        if dice.chance(50):
            documents.append(Document("passport", f"E{self._eight_digits(number)}"))
        if dice.chance(20):
            documents.append(Document("hk_macau_permit", f"C{self._eight_digits(number)}"))
        if dice.chance(4):
            documents.append(Document("exit_entry_permit", f"T{self._eight_digits(number)}"))
        return self._person(dice, han_name(dice), sex, birth, documents)

    def _separate_resident(self, number: int, dice: Dice, region: str) -> Person:
        resident_id, birth, sex = self._resident_id(region, self._separate(number))
        if region == SEPARATE_REGIONS[2]:
            permit = Document("taiwan_permit", self._eight_digits(number))
        else:
            letter = "H" if region == SEPARATE_REGIONS[0] else "M"
            permit = Document("hk_macau_permit", f"{letter}{self._eight_digits(number)}")
        documents = [permit, resident_id] if dice.chance(50) else [permit]
        return self._person(dice, han_name(dice), sex, birth, documents)

    def _foreigner(self, number: int, dice: Dice) -> Person:
        _, birth, sex = self._resident_id(SEPARATE_REGIONS[0], self._separate(number))
        nation = dice.below(len(_NATIONS))
        seven = f"{self._seven(number) + self._first_digit * 10**6:07}"
        documents = [Document("passport", _PASSPORT_PREFIXES[nation] + seven)]
        if dice.chance(30):
            residence = f"{_NATIONS[nation]}{self._eight_digits(number)}{birth.month:02}{birth.day:02}"
            documents.append(Document("foreign_permanent_residence", residence))
        return self._person(dice, latin_name(dice), sex, birth, documents)

    def _person(self, dice: Dice, name: str, sex: str, birth: dt.date, documents: list[Document]) -> Person:
        former: tuple[str, ...] = ()
        if dice.chance(12):
            old = han_name(dice)
            former = (old,) if folded(old) != folded(name) else ()
        return Person(name, former, sex, birth, tuple(documents), phone(dice))

    def _resident_id(self, region: str, day_and_sequence: int) -> tuple[Document, dt.date, str]:
        day, sequence = divmod(day_and_sequence, SEQUENCES)
        birth, digits = _birth(day)
        sequence += self._first_sequence
        first_17 = f"{region}{digits}{sequence:03}"
        sex = "male" if sequence % 2 else "female"
        return Document("resident_id", first_17 + id_check(first_17)), birth, sex

    def _eight_digits(self, number: int) -> str:
        return f"{self._eight(number) + self._first_digit * 10**7:08}"


@functools.lru_cache(maxsize=BIRTH_DAYS)
def _birth(day: int) -> tuple[dt.date, str]:
    birth = dt.date.fromordinal(_BIRTH_ORDINAL + day)
    return birth, f"{birth:%Y%m%d}"


def phone(dice: Dice) -> str:
    """Eleven digits like a mobile number; no network has the prefix 116, so it rings nowhere."""
    return f"116{dice.below(10**8):08}"


def one_off(document: Document) -> Document:
    """A number that differs in one digit and is nobody's who is wanted: the first of a sequence code or permit number.

    The check character of a resident ID is left as it was, as a misread digit leaves it, so the ID is invalid.
    """
    number = document.number
    position = 14 if document.type == "resident_id" else next(i for i, c in enumerate(number) if c.isdigit())
    digit = str((int(number[position]) + FIRST_DIGITS) % 10)
    return Document(document.type, number[:position] + digit + number[position + 1 :])
