"""The crowd: sightings of people and vehicles that nobody seeks, by the ten million.

Everything but the identifiers, names and times is rendered beforehand; a sighting is one `%` of a template. Its identifiers
are in the strangers' half (`synthetic.people`, `synthetic.vehicles`), so none can be a wanted one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final, NamedTuple

from synthetic.checks import ID_CHECKS, ID_WEIGHTS, VIN_CHECKS, vin_sum
from synthetic.defects import encode
from synthetic.dice import Dice
from synthetic.names import han_name
from synthetic.people import BIRTH_DAYS, FIRST_BIRTH, FIRST_SEQUENCE, SEQUENCES
from synthetic.places import PROVINCES, REGIONS, Source
from synthetic.records import blank_record
from synthetic.scenes import OCCASIONS
from synthetic.truth import Expected
from synthetic.vehicles import HALF_DIGITS, MAKERS, OFFICES, SERIAL, VIN_BODY

_NAMES: Final = 1 << 11
_BIRTHS: Final = 1 << 12  # region and birth date together
_SEQUENCES: Final = 1 << 9
_PLATES: Final = 1 << 12
_VINS: Final = 1 << 11
_TEMPLATES: Final = 1 << 9  # for each kind of sighting
_PASSPORTS_EVERY: Final = 10
_PERMIT_NUMBERS: Final = 5 * 10**7
_THOUSAND: Final = 1000


class SyntheticSighting(NamedTuple):
    """One record of a topic, and the truth about it. `defect` says why nobody can read it, where nobody can."""

    topic: str
    key: bytes
    value: bytes
    expected: tuple[Expected, ...]
    defect: str | None


Maker = Callable[[int, bytes, int, int], SyntheticSighting]
"""(number, local time, 64 bits of chance, 64 more) -> a sighting."""


class Crowd:
    """Strangers, from pools that are made once for a world."""

    def __init__(self, seed: int) -> None:
        dice = Dice(seed, b"crowd", 0)
        self._seed = seed
        self._dice = dice
        self._names = [han_name(dice).encode() for _ in range(_NAMES)]
        self._births = [self._birth(i) for i in range(_BIRTHS)]
        first = FIRST_SEQUENCE["strangers"]
        self._sequences = [self._sequence(first + i % SEQUENCES) for i in range(_SEQUENCES)]
        self._plates = [self._plate() for _ in range(_PLATES)]
        self._tails = [b"%02d%d" % (i % 100, HALF_DIGITS + i // 100 % HALF_DIGITS) for i in range(_SEQUENCES)]
        self._vins = [self._vin_frame() for _ in range(_VINS)]
        self._high = [self._vin_digits(500 + i % 500, 11) for i in range(_SEQUENCES)]
        self._low = [self._vin_digits(i, 14) for i in range(_THOUSAND)]

    def maker(self, source: Source, stream: int) -> Maker:
        """What makes sightings of one kind: fast, and all different."""
        dice = Dice(self._seed, b"templates", ord(source.letter), stream)
        templates = [_template(source, stream, dice) for _ in range(_TEMPLATES)]
        driverless = [_template(source, stream, dice, with_person=False) for _ in range(_TEMPLATES)]
        topic, names, document, make = source.topic, self._names, self._document, SyntheticSighting
        car = self._car

        def person(number: int, at: bytes, a: int, b: int) -> SyntheticSighting:
            key, template = templates[a & 511]
            return make(topic, key, template % (number, at, names[a >> 9 & 2047], document(b), b >> 38), (), None)

        def guest(number: int, at: bytes, a: int, b: int) -> SyntheticSighting:
            key, template = templates[a & 511]
            return make(topic, key, template % (number, at, at, names[a >> 9 & 2047], document(b), b >> 38), (), None)

        def inspected(number: int, at: bytes, a: int, b: int) -> SyntheticSighting:
            if a >> 63:
                key, template = driverless[a & 511]
                return make(topic, key, template % (number, at, car(b)), (), None)
            key, template = templates[a & 511]
            value = template % (number, at, car(b), names[a >> 9 & 2047], document(a >> 20))
            return make(topic, key, value, (), None)

        return {"vehicle_inspection": inspected, "hotel_checkin": guest}.get(source.kind, person)

    def _document(self, chance: int) -> bytes:
        """The end of a document block from its type on, out of 40 bits of chance."""
        head, total = self._births[chance & 4095]
        if total < 0:
            return head % (_PERMIT_NUMBERS + (chance >> 12) % _PERMIT_NUMBERS)
        sequence, more = self._sequences[chance >> 12 & 511]
        return b"%s%s%c" % (head, sequence, _ID_CHECKS[(total + more) % 11])

    def _car(self, chance: int) -> bytes:
        """Plate, class and VIN, out of 52 bits of chance."""
        head, tail = self._plates[chance & 4095]
        first_8, year_and_plant, total = self._vins[chance >> 21 & 2047]
        high, more = self._high[chance >> 32 & 511]
        low, most = self._low[(chance >> 41) % _THOUSAND]
        check = _VIN_CHECKS[(total + more + most) % 11]
        plate = self._tails[chance >> 12 & 511]
        return b'%s%s%s","vin":"%s%c%s%s%s"' % (head, plate, tail, first_8, check, year_and_plant, high, low)

    def _birth(self, turn: int) -> tuple[bytes, int]:
        if turn % _PASSPORTS_EVERY == 0:
            kind, letter = self._dice.of((("passport", "E"), ("hk_macau_permit", "C"), ("hk_macau_permit", "H")))
            return f'{kind}","number":"{letter}%d'.encode(), -1
        birth = FIRST_BIRTH + dt.timedelta(days=self._dice.below(BIRTH_DAYS))
        digits = self._dice.of(REGIONS) + f"{birth:%Y%m%d}"
        total = sum(w * int(d) for w, d in zip(ID_WEIGHTS, digits, strict=False))
        return f'resident_id","number":"{digits}'.encode(), total

    def _sequence(self, sequence: int) -> tuple[bytes, int]:
        digits = f"{sequence:03}"
        return digits.encode(), sum(w * int(d) for w, d in zip(ID_WEIGHTS[14:], digits, strict=True))

    def _plate(self) -> tuple[bytes, bytes]:
        """What stands before and after the last three characters that a plate's number has."""
        dice = self._dice
        head = dice.of(PROVINCES).plate + dice.of(OFFICES) + dice.of(SERIAL)
        code, middle, tail = dice.of(_FORMS)
        middle = "".join(dice.of(SERIAL) if c == "?" else c for c in middle)
        return f'"plate_class":"{code}","plate":"{head}{middle}'.encode(), tail.encode()

    def _vin_frame(self) -> tuple[bytes, bytes, int]:
        dice = self._dice
        first_8 = dice.of(MAKERS) + "".join(dice.of(VIN_BODY) for _ in range(5))
        year_and_plant = f"{dice.of('KLMNPRST')}{dice.below(10)}"
        return first_8.encode(), year_and_plant.encode(), vin_sum(first_8) + vin_sum(year_and_plant, 9)

    def _vin_digits(self, number: int, start: int) -> tuple[bytes, int]:
        return b"%03d" % number, vin_sum(f"{number:03}", start)


def _template(source: Source, stream: int, dice: Dice, *, with_person: bool = True) -> tuple[bytes, bytes]:
    """A station, and a record of it with `%` in the places of what varies; much of what is optional is missing."""
    station, fields = blank_record(source, stream, dice, occurred_at="@AT@+08:00")
    fields["id"] = fields["id"].format(number="@ID@")
    for block, name in _OFTEN_MISSING:
        if dice.chance(75):
            fields.get(block, {}).pop(name, None)
    person = {"name": "@NAME@", "document": {"type": "@DOCUMENT@"}}
    if source.kind == "vehicle_inspection":
        described = {"brand": "合成牌", "type": "小型轿车"} if dice.chance(50) else {}
        fields["vehicle"] = {"@CAR@": 0, **described}
        fields["inspection"] = {"occasion": dice.of(OCCASIONS)}
        if with_person:
            fields["person"] = person
    else:
        fields["person"] = person | {"phone": "@PHONE@"}
    slots = {"%": "%%", "@ID@": "%09d", "@AT@": "%b", "@NAME@": "%b", "@DOCUMENT@": "%b", '"@CAR@":0': "%b"}
    value = encode(fields).decode()
    for marker, slot in slots.items():
        value = value.replace(marker, slot)
    return station.code.encode(), value.replace("@PHONE@", "116%08d").encode()


_ID_CHECKS: Final = ID_CHECKS.encode()
_VIN_CHECKS: Final = VIN_CHECKS.encode()
_OFTEN_MISSING: Final = (("station", "name"), ("stay", "hotel"), ("stay", "address"), ("crossing", "port"), ("check", "place"))
_FORMS: Final = (
    *((("02", "?", ""),) * 8),
    ("01", "?", ""),
    ("52", "D?", ""),
    ("52", "F?", ""),
    ("51", "?", "D"),
    ("15", "", "挂"),
)
