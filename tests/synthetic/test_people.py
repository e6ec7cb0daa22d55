import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from synthetic.dice import Shuffle
from synthetic.people import PEOPLE_MAX, People, one_off
from synthetic.places import PROVINCES
from synthetic.vehicles import CLASS_CODES, SERIAL, Vehicles
from tests.synthetic import plain

numbers = st.integers(0, PEOPLE_MAX - 1)
seeds = st.integers(0, 2**63 - 1)
WANTED, STRANGERS, VEHICLES = People(7, "wanted"), People(7, "strangers"), Vehicles(7)


@given(seeds, numbers)
def test_documents_are_valid_in_form(seed: int, number: int) -> None:
    person = People(seed, "wanted")[number]
    assert person.documents
    for document in person.documents:
        assert plain.clean(document.number) == document.number
        assert plain.document(*document) == document
        if document.type == "resident_id":
            assert plain.is_resident_id(document.number)
            assert dt.date.fromisoformat(document.number[6:14]) == person.birth
            assert (int(document.number[16]) % 2 == 1) == (person.sex == "male")


@given(numbers, numbers)
def test_the_wanted_and_the_strangers_share_no_document(one: int, other: int) -> None:
    assert not set(WANTED[one].documents) & set(STRANGERS[other].documents)
    if one != other:
        assert not set(WANTED[one].documents) & set(WANTED[other].documents)


def test_one_digit_off_is_in_the_strangers_half() -> None:
    for number in range(3000):
        for document in WANTED[number].documents:
            off = one_off(document)
            assert sum(a != b for a, b in zip(off.number, document.number, strict=True)) == 1
            digits = off.number[14:] if document.type == "resident_id" else off.number.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
            assert digits[0] in "56789"


def test_the_people_are_of_many_kinds() -> None:
    people = [WANTED[n] for n in range(3000)]
    types = {d.type for p in people for d in p.documents}
    assert types >= {"resident_id", "passport", "hk_macau_permit", "taiwan_permit", "foreign_permanent_residence"}
    regions = {d.number[:6] for p in people for d in p.documents if d.type == "resident_id"}
    assert {"810000", "820000", "830000"} <= regions
    assert {region[:2] for region in regions} >= {province.code for province in PROVINCES}
    assert any("·" in p.name for p in people)
    assert any(p.former for p in people)


def test_no_two_wanted_vehicles_are_one() -> None:
    vehicles = [VEHICLES[n] for n in range(30_000)]
    assert len({(v.plate, v.plate_class) for v in vehicles}) == len(vehicles)
    assert len({v.vin for v in vehicles}) == len(vehicles)
    assert {v.plate_class for v in vehicles} == set(CLASS_CODES)


def test_plates_and_vins_are_valid_in_form() -> None:
    for number in range(5000):
        vehicle = VEHICLES[number]
        assert len(vehicle.plate) == (8 if vehicle.plate_class in ("51", "52") else 7)
        assert set(vehicle.plate[2:]) <= set(SERIAL) | set("挂学警领港澳")
        assert len(vehicle.vin) == 17
        assert not set(vehicle.vin) & set("IOQ")
        mate = VEHICLES.mate(number)
        if mate is not None:
            assert VEHICLES[mate].plate == vehicle.plate
            assert VEHICLES[mate].plate_class != vehicle.plate_class


@given(seeds, st.integers(3, 2000))
def test_a_shuffle_is_a_bijection(seed: int, size: int) -> None:
    shuffle = Shuffle(seed, b"test", size)
    assert sorted(map(shuffle, range(size))) == list(range(size))
