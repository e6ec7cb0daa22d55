"""What an overlay has words for: each place once, a contact of one place, and all of it said again by each version."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from watchlists.overlay import Liaison, Narrowing, Overlay, ResponseTimes, Rules, Situation, unknown_fields

WHOLE = {
    "narrow": (Narrowing(rule="return"),),
    "response": ResponseTimes(urgent_minutes=5, routine_minutes=30),
    "group_minutes": 30,
    "escalation": ("national_command",),
    "liaison": (Liaison(court="440106", name="王联络", phone="020-00000001"),),
}


def test_parts_are_what_is_said() -> None:
    assert Rules(**WHOLE).parts() == tuple(WHOLE)
    assert Rules(narrow=()).parts() == ()
    assert Rules(narrow=(), group_minutes=0).parts() == ("group_minutes",)


def test_of_a_part_that_is_not_its_sides_nothing_is_heard() -> None:
    heard = Overlay(province="44", side="police", **WHOLE).only(("narrow", "liaison"))
    assert heard.parts() == ("narrow", "liaison")
    assert (heard.province, heard.narrow, heard.liaison) == ("44", WHOLE["narrow"], WHOLE["liaison"])


def test_a_version_says_itself_that_it_takes_nothing_away() -> None:
    with pytest.raises(ValidationError, match="narrow"):
        Rules.model_validate({"group_minutes": 5})


@pytest.mark.parametrize("places", [{}, {"court": "440106", "station": "440300-B-0001"}])
def test_S3_1_a_liaison_is_of_one_court_or_of_one_station(places: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="name the court or the station"):
        Liaison(name="王联络", phone="020-00000001", **places)


def test_of_two_times_the_shorter_of_each_class_counts() -> None:
    one, other = ResponseTimes(urgent_minutes=5, routine_minutes=60), ResponseTimes(urgent_minutes=10, routine_minutes=20)
    assert one.shorter(other) == other.shorter(one) == ResponseTimes(urgent_minutes=5, routine_minutes=20)


def test_whoever_makes_one_is_told_of_every_field_that_is_not_in_the_form() -> None:
    said = {"narrow": [{"rule": "exit", "instruction": "none", "without": [{"kind": "hotel_checkin", "x": 1}]}], "widen": 1}
    times = {"urgent_minutes": 1, "routine_minutes": 1, "never": True}
    overlay = Overlay.model_validate({"province": "44", "side": "court", **said, "response": times})
    assert set(unknown_fields(overlay)) == {"widen", "narrow.0.instruction", "narrow.0.without.0.x", "response.never"}
    assert list(unknown_fields(Overlay(province="44", side="court", **WHOLE))) == []


def test_a_situation_is_told_in_a_few_words() -> None:
    assert str(Situation(kind="border_crossing", direction="exit")) == "border_crossing (exit)"
    assert str(Situation(kind="hotel_checkin")) == "hotel_checkin"
