"""Vehicles with plates of every class (GA 36-2018, class codes: GA 24.7) and VINs (ISO 3779, GB 16735).

Two halves share no identifier: the last digit of a plate and the first of a VIN's serial number are below 5 for the
wanted, and above for strangers. Some pairs of wanted vehicles bear one plate under two classes, as GA 36 allows.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from synthetic.checks import VIN_LETTERS, vin_check
from synthetic.dice import Dice, Shuffle
from synthetic.places import PROVINCES

OFFICES: Final = "ABCDEFGHJKLMNPQRSTU"
SERIAL: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"  # GA 36: no I and no O
MAKERS: Final = ("LSV", "LFV", "LVS", "LGX", "LHG", "LBV", "LFP", "LZW")
_ENERGIES: Final = "DABCEFGHJK"
_YEARS: Final = "FGHJKLMNPRST"  # model years 2015 to 2026
MATE_EVERY: Final = 64
"""Every so many vehicles, one bears the plate of its neighbour under another class."""

VIN_BODY: Final = VIN_LETTERS + "0123456789"
HALF_DIGITS: Final = 5
_SERIALS: Final = HALF_DIGITS * 10**5

# class code, what stands after the serial, weight in percent
_CLASSES: Final = (
    ("02", "", 60),
    ("01", "", 10),
    ("52", "", 14),
    ("51", "", 3),
    ("07", "", 4),
    ("15", "挂", 3),
    ("16", "学", 2),
    ("23", "警", 1),
    ("04", "领", 3),
)
_WHEEL: Final = tuple((code, tail) for code, tail, weight in _CLASSES for _ in range(weight))
CLASS_CODES: Final = (*(code for code, _, _ in _CLASSES), "03", "26", "27")
_RARE: Final = {2: ("26", "粤Z{}港"), 3: ("27", "粤Z{}澳"), 4: ("03", "使{}")}

_BRANDS: Final = ("合成牌", "样例牌", "试验牌", "虚构牌")
_TYPES: Final = {"01": "重型货车", "51": "大型新能源客车", "07": "普通摩托车", "15": "挂车"}


class Vehicle(NamedTuple):
    plate: str
    plate_class: str
    vin: str
    brand: str
    model: str
    type: str


class Vehicles:
    """The wanted vehicles of a world, each made when asked for (strangers' vehicles: `synthetic.crowd`)."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._plates = Shuffle(seed, b"plate", len(PROVINCES) * len(OFFICES) * len(SERIAL) ** 3 * HALF_DIGITS)
        self._short = Shuffle(seed, b"short plate", len(SERIAL) ** 3 * HALF_DIGITS)
        self._vins = Shuffle(seed, b"vin", len(MAKERS) * len(_YEARS) * 10 * _SERIALS)

    def __getitem__(self, number: int) -> Vehicle:
        dice = Dice(self._seed, b"vehicle", number)
        code, tail = dice.of(_WHEEL)
        turn = number % MATE_EVERY
        if turn < 2:
            code, plate = ("02", "01")[turn], self._plate(number - turn, "02", "")
        elif turn in _RARE:
            code, form = _RARE[turn]
            plate = form.format(self._short_serial(number // MATE_EVERY, digits_only=code == "03"))
        else:
            plate = self._plate(number, code, tail)
        vin, kind = self._vin(number, dice), _TYPES.get(code, "小型轿车")
        return Vehicle(plate, code, vin, dice.of(_BRANDS), f"HC{dice.below(1000):03}", kind)

    def mate(self, number: int) -> int | None:
        """The vehicle that bears the same plate under another class, if there is one."""
        return {0: number + 1, 1: number - 1}.get(number % MATE_EVERY)

    def _plate(self, number: int, code: str, tail: str) -> str:
        place = self._plates(number)
        place, province = divmod(place, len(PROVINCES))
        place, office = divmod(place, len(OFFICES))
        place, last = divmod(place, HALF_DIGITS)
        serial = ""
        for _ in range(3):
            place, i = divmod(place, len(SERIAL))
            serial += SERIAL[i]
        head = PROVINCES[province].plate + OFFICES[office]
        if code == "52":
            return f"{head}{_ENERGIES[number % len(_ENERGIES)]}{serial}0{last}"
        if code == "51":
            return f"{head}{serial}0{last}{_ENERGIES[number % 2]}"
        return f"{head}{serial}{last}{tail}" if tail else f"{head}{serial}{number % 10}{last}"

    def _short_serial(self, number: int, *, digits_only: bool) -> str:
        place, last = divmod(self._short(number), HALF_DIGITS)
        if digits_only:
            return f"{place:05}{last}"
        place, first = divmod(place, len(SERIAL))
        third, second = divmod(place, len(SERIAL))
        return f"{SERIAL[first]}{SERIAL[second]}{SERIAL[third]}{last}"

    def _vin(self, number: int, dice: Dice) -> str:
        place = self._vins(number)
        place, serial = divmod(place, _SERIALS)
        place, plant = divmod(place, 10)
        maker, year = divmod(place, len(_YEARS))
        first_8 = MAKERS[maker] + dice.word(VIN_BODY, 5)
        last_8 = f"{_YEARS[year]}{plant}{serial:06}"
        return first_8 + vin_check(first_8, last_8) + last_8


def stranger_plate(dice: Dice) -> str:
    """A plate that no wanted vehicle has: its last digit is 5 to 9."""
    head = dice.of(PROVINCES).plate + dice.of(OFFICES)
    return head + dice.word(SERIAL, 4) + str(HALF_DIGITS + dice.below(HALF_DIGITS))


def stranger_vin(dice: Dice) -> str:
    """A VIN that no wanted vehicle has: its serial number begins with 5 to 9."""
    first_8 = dice.of(MAKERS) + dice.word(VIN_BODY, 5)
    last_8 = f"{dice.of(_YEARS)}{dice.below(10)}{_SERIALS + dice.below(_SERIALS):06}"
    return first_8 + vin_check(first_8, last_8) + last_8


def plate_one_off(plate: str) -> str:
    """A plate that differs in its last digit and is no wanted vehicle's."""
    place = max(i for i, c in enumerate(plate) if c.isdigit())
    return plate[:place] + str(int(plate[place]) + HALF_DIGITS) + plate[place + 1 :]


def vin_one_off(vin: str) -> str:
    """A VIN that differs in the first digit of its serial number and is no wanted vehicle's; its check digit is not right."""
    place = len(vin) - 6
    return vin[:place] + str(int(vin[place]) + HALF_DIGITS) + vin[place + 1 :]
