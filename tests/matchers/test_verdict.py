"""Verdicts: what matches, and the four grounds of doubt that the contract knows."""

from __future__ import annotations

import itertools

import pytest

from matchers.documents import canonical_document
from matchers.subject import Person, Vehicle
from matchers.verdict import SAYS, Rule, compare_persons, compare_vehicles
from tests.factory import ID, NAME, PLATE, VIN, person, resident_id, vehicle

OTHER_ID = resident_id(2)
OTHER_VIN = "1M8GDM9AXKP042788"


@pytest.mark.parametrize(
    ("seen", "sought", "answer"),
    [
        pytest.param(person(), person(), "confirmed", id="type and number equal, name equal"),
        pytest.param(person(number=OTHER_ID), person(), "no", id="a name never matches by itself"),
        pytest.param(person("E1", "passport"), person("E1", "other"), "no", id="a number under another type"),
        pytest.param(person(ID, "passport"), person(), "confirmed", id="but a promoted resident ID"),
        pytest.param(person(name="王强"), person(), "verify", id="a name that is not the order's"),
        pytest.param(person(name="王强"), person(former_names=("王强",)), "confirmed", id="a former name"),
        pytest.param(person(name="李刚"), person(former_names=("王强",)), "verify", id="neither name nor former name"),
        pytest.param(person(name=None), person(), "confirmed", id="a missing name is no contradiction"),
        pytest.param(person(name=" · "), person(), "confirmed", id="nor a blank one"),
        pytest.param(person(), person(name=None), "confirmed", id="nor a name that the order lacks"),
        pytest.param(person(name="王　伟"), person(), "confirmed", id="nor one that is spaced otherwise"),
        pytest.param(person(number="1101051949123100X"), person(number="1101051949123100X"), "confirmed", id="an odd number"),
        pytest.param(person(number=ID[:17] + "9"), person(number=ID[:17] + "9"), "confirmed", id="a wrong check character"),
    ],
)
def test_persons(seen: Person, sought: Person, answer: str) -> None:
    verdict = compare_persons(seen, sought)
    assert (verdict.certainty if verdict.matches else "no") == answer
    assert bool(verdict.checks) == (answer == "verify")


@pytest.mark.parametrize("spelled", [None, "粤Ａ·１２３４５"])
@pytest.mark.parametrize(
    ("seen", "sought", "answer"),
    [
        pytest.param(vehicle(vin=None), vehicle(vin=None), "confirmed", id="plate and class equal"),
        pytest.param(vehicle(vin=None), vehicle(), "confirmed", id="a VIN on one side is no contradiction"),
        pytest.param(vehicle(vin=None, plate_class="01"), vehicle(vin=None), "no", id="both classes known and different"),
        pytest.param(vehicle(vin=None, plate_class=None), vehicle(vin=None), "verify", id="class unknown where it was seen"),
        pytest.param(vehicle(vin=None), vehicle(vin=None, plate_class=None), "verify", id="class unknown to the order"),
        pytest.param(
            vehicle(vin=None, plate_class=None), vehicle(vin=None, plate_class=None), "verify", id="class unknown on both sides"
        ),
        pytest.param(vehicle(vin=OTHER_VIN), vehicle(), "verify", id="plate and class equal, two known VINs differ"),
        pytest.param(vehicle(vin=OTHER_VIN, plate_class="01"), vehicle(), "no", id="nothing equal but the plate's number"),
        pytest.param(vehicle(plate="粤B99999", vin=None), vehicle(vin=None), "no", id="another plate"),
        pytest.param(vehicle(plate="粤B99999"), vehicle(), "confirmed", id="VIN equal whatever the plate says"),
        pytest.param(vehicle(plate_class="01"), vehicle(), "confirmed", id="VIN equal whatever the class says"),
        pytest.param(vehicle(plate_class=None), vehicle(), "confirmed", id="VIN equal though the class is unknown"),
        pytest.param(vehicle(plate=None), vehicle(), "confirmed", id="VIN equal without a plate"),
        pytest.param(vehicle(plate=None, vin="lsvauo33292i23456"), vehicle(), "confirmed", id="a repair in a VIN"),
        pytest.param(vehicle(plate=None), vehicle(vin=None), "no", id="nothing to compare"),
        pytest.param(vehicle(plate=None, vin=OTHER_VIN), vehicle(), "no", id="another VIN"),
    ],
)
def test_vehicles(seen: Vehicle, sought: Vehicle, answer: str, spelled: str | None) -> None:
    if spelled is not None and seen.plate is not None and seen.plate.number == PLATE:
        seen = vehicle(spelled, seen.plate_class, seen.vin.given if seen.vin else None)
    verdict = compare_vehicles(seen, sought)
    assert (verdict.certainty if verdict.matches else "no") == answer
    assert bool(verdict.checks) == (answer == "verify")


@pytest.mark.parametrize(("seen", "sought"), [("粤AI2345", PLATE), (PLATE, "粤AI2345"), ("粤AI2345", "粤AI2345")])
def test_a_repaired_plate_on_either_side_is_verified(seen: str, sought: str) -> None:
    verdict = compare_vehicles(vehicle(seen, vin=None), vehicle(sought, vin=None))
    assert (verdict.matches, verdict.certainty) == (True, "verify")
    assert verdict.checks == (SAYS[Rule.PLATE_REPAIRED],)


def test_a_repaired_plate_beside_an_equal_vin_is_confirmed() -> None:
    assert compare_vehicles(vehicle("粤AI2345"), vehicle()).certainty == "confirmed"


def test_several_grounds_are_all_said() -> None:
    verdict = compare_vehicles(vehicle("粤AI2345", None, OTHER_VIN), vehicle())
    assert set(verdict.checks) == {SAYS[Rule.PLATE_REPAIRED], SAYS[Rule.PLATE_CLASS_UNKNOWN], SAYS[Rule.VIN_DIFFERENT]}


def test_the_evidence_of_a_confirmed_vin_shows_the_plate_that_differs() -> None:
    evidence = compare_vehicles(vehicle("粤B99999"), vehicle()).evidence
    assert [(piece.on, piece.sighting, piece.order, piece.rule) for piece in evidence] == [
        ("vin", VIN, VIN, Rule.VIN_EQUAL),
        ("plate", "粤B99999", PLATE, Rule.PLATE_DIFFERENT),
    ]


def test_evidence_shows_what_was_written_not_what_it_was_read_as() -> None:
    evidence = compare_vehicles(vehicle("粤ai2345", vin=None), vehicle(vin=None)).evidence
    assert {piece.sighting for piece in evidence if piece.on == "plate"} == {"粤ai2345"}


def test_a_no_has_its_evidence_too() -> None:
    document, name = compare_persons(person(OTHER_ID), person()).evidence
    assert (document.rule, name.rule) == (Rule.DOCUMENT_DIFFERENT, Rule.NAME_KNOWN)


def test_a_blank_name_is_no_evidence() -> None:
    assert [piece.on for piece in compare_persons(person(name="·"), person()).evidence] == ["document"]
    assert [piece.on for piece in compare_persons(person(), person(name="·")).evidence] == ["document"]


def test_any_document_of_the_order_matches() -> None:
    sought = Person((canonical_document("resident_id", ID), canonical_document("passport", "E12345678")), NAME)
    for seen in (person(), person("e 12345678", "passport")):
        assert compare_persons(seen, sought).matches
    assert not compare_persons(person("E12345679", "passport"), sought).matches


def test_documents_and_vehicles_without_an_identifier_match_nothing() -> None:
    nobody = Person((canonical_document("passport", " - "),))
    nothing = Vehicle(vehicle("-").plate, "02", vehicle(vin="-").vin)
    assert not compare_persons(nobody, nobody).matches
    assert not compare_vehicles(nothing, nothing).matches
    assert (list(nobody.keys()), list(nothing.keys())) == ([], [])


def test_every_rule_has_its_words_in_both_languages() -> None:
    assert set(SAYS) == set(Rule)
    assert all(words.zh and words.en for words in SAYS.values())


def test_certainty_over_all_vehicles_is_the_contract_s_and_symmetric() -> None:
    plates, classes, vins = [None, PLATE, "粤AI2345", "粤B99999"], [None, "01", "02"], [None, VIN, OTHER_VIN]
    vehicles = list(itertools.starmap(vehicle, itertools.product(plates, classes, vins)))
    for seen, sought in itertools.product(vehicles, vehicles):
        verdict = compare_vehicles(seen, sought)
        assert (verdict.certainty if verdict.matches else "no") == _in_the_contract_s_words(seen, sought)
        mirrored = compare_vehicles(sought, seen)
        assert (mirrored.matches, mirrored.certainty) == (verdict.matches, verdict.certainty)


def _in_the_contract_s_words(seen: Vehicle, sought: Vehicle) -> str:
    if seen.vin and sought.vin and seen.vin.number == sought.vin.number:
        return "confirmed"
    if not seen.plate or not sought.plate or seen.plate.number != sought.plate.number:
        return "no"
    if seen.plate_class and sought.plate_class and seen.plate_class != sought.plate_class:
        return "no"
    known_vins_differ = bool(seen.vin and sought.vin)
    repaired = seen.plate.repaired or sought.plate.repaired
    class_unknown = not seen.plate_class or not sought.plate_class
    return "verify" if known_vins_differ or repaired or class_unknown else "confirmed"
