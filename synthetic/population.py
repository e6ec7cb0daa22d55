"""What the registries of a made-up world hold of its wanted people: rows of (table, fields), as the registry page has them.

The people are those of ``World`` with the same seed, so an order's person can be asked about. No photo shows anybody: each is a
one-pixel image.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

from synthetic.checks import credit_code
from synthetic.dice import Dice
from synthetic.people import People, Person
from synthetic.places import PROVINCES
from synthetic.vehicles import Vehicles

Row = tuple[str, dict[str, Any]]

PIXEL: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
CHINA: Final = dt.timezone(dt.timedelta(hours=8))
_BEGIN: Final = dt.datetime(2026, 1, 1, tzinfo=CHINA)
_DAYS: Final = 320
_DESTINATIONS: Final = ("JPN", "KOR", "THA", "SGP", "USA", "AUS", "HKG", "MAC")
_ORGANISATION_EVERY: Final = 50
"""Every so many people, an organisation that owns a vehicle."""


def population(seed: int, count: int) -> Iterator[Row]:
    """The rows of people 0 to ``count`` - 1 of a world: the same for the same seed.

    Raises:
        ValueError: more people than a world has.
    """
    people, vehicles = People(seed, "wanted"), Vehicles(seed)
    for number in range(count):
        dice = Dice(seed, b"registry", number)
        person = people[number]
        yield from _person(f"p{number}", person, dice)
        if dice.chance(40):
            yield _vehicle(f"p{number}", vehicles, number, dice)
        if number % _ORGANISATION_EVERY == 0:
            yield "subjects", {"type": "organisation_code", "number": organisation(number), "person": f"o{number}"}
            yield _vehicle(f"o{number}", vehicles, count + number, dice)


def organisation(number: int) -> str:
    """The code of the made-up organisation beside a person; it is nobody's, since its region is 000000."""
    return credit_code("91000000", f"MA{number:06}")


def _person(name: str, person: Person, dice: Dice) -> Iterator[Row]:
    photo = f"photo-{name}"
    number = next((one.number for one in person.documents if one.type == "resident_id"), None)
    for document in person.documents:
        yield "subjects", {"type": document.type, "number": document.number, "person": name}
        yield "travel_documents", {"person": name, "type": document.type, "number": document.number}
    yield (
        "identities",
        {
            "person": name,
            "name": person.name,
            "former_names": list(person.former),
            "birth_date": person.birth,
            "registered_residence": _address(dice),
            "address": _address(dice),
            "id_number": number,
            "photo": photo,
        },
    )
    traveller = {"person": name, "name": person.name, "sex": person.sex, "birth_date": person.birth, "photo": photo}
    yield "travellers", traveller
    yield "photos", {"reference": photo, "media_type": "image/png", "data": PIXEL}
    for turn in range(dice.below(4)):
        yield "border_crossings", _crossing(f"{name}-c{turn}", name, person, dice)
    for turn in range(dice.below(4)):
        yield "hotel_stays", _stay(f"{name}-s{turn}", name, person, dice)


def _crossing(id_: str, name: str, person: Person, dice: Dice) -> dict[str, Any]:
    exited = _moment(dice)
    entered = exited + dt.timedelta(days=1 + dice.below(20)) if dice.chance(80) else None
    times = {"exited_at": exited, "entered_at": entered}
    return {"id": id_, "person": name, **times, "destination": dice.of(_DESTINATIONS), "phone": person.phone}


def _stay(id_: str, name: str, person: Person, dice: Dice) -> dict[str, Any]:
    check_in = _moment(dice)
    place = dice.of(PROVINCES).name
    return {
        "id": id_,
        "person": name,
        "check_in": check_in,
        "check_out": check_in + dt.timedelta(days=1 + dice.below(3)) if dice.chance(90) else None,
        "hotel": f"{place}合成旅馆{dice.below(100)}号",
        "address": _address(dice),
        "phone": person.phone,
    }


def _vehicle(owner: str, vehicles: Vehicles, number: int, dice: Dice) -> Row:
    vehicle = vehicles[number]
    office = f"{dice.of(PROVINCES).name}合成车管所"
    sealed = dice.chance(10)
    return "vehicles", {
        "vin": vehicle.vin,
        "person": owner,
        "plate": vehicle.plate,
        "brand": vehicle.brand,
        "model": vehicle.model,
        "type": vehicle.type,
        "registration_office": office,
        "registered_on": dt.date(2015, 1, 1) + dt.timedelta(days=dice.below(4000)),
        "mortgagee": "合成银行" if dice.chance(20) else None,
        "sealing_authority": "合成区人民法院" if sealed else None,
        "sealing_document": "查封裁定书" if sealed else None,
    }


def _address(dice: Dice) -> str:
    return f"{dice.of(PROVINCES).name}合成路{1 + dice.below(999)}号"


def _moment(dice: Dice) -> dt.datetime:
    return _BEGIN + dt.timedelta(minutes=dice.below(_DAYS * 24 * 60))
