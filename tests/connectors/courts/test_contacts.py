"""Who of each side is told of an incident, by whose it is."""

from __future__ import annotations

import pytest

from connectors.courts.contacts import contacts
from connectors.courts.endpoint import Endpoint
from connectors.courts.endpoints import Endpoints
from connectors.courts.signature import new_secret
from stream.core.escalation import AnyLevel
from tests.stream.core.incidents import COURT, STATION, opening

SECRET = new_secret(bytes(range(32)))


def endpoint(whose: str, level: AnyLevel) -> Endpoint:
    return Endpoint.of(whose, f"https://{level.replace('_', '-')}.example/{whose.replace('*', 'any')}", SECRET, level=level)


ALL = Endpoints(
    [
        endpoint(COURT, "handler"),
        endpoint("*", "duty_desk"),
        endpoint("44", "high_court"),
        endpoint("31", "high_court"),
        endpoint("nation", "national_command"),
        endpoint(STATION, "station"),
        endpoint("44", "province_police"),
        endpoint("00", "national_police"),
    ]
)
CASES = [
    ({"court": COURT}, ["handler", "duty_desk", "high_court", "national_command"], ["province_police", "national_police"]),
    ({"court": "310101"}, ["duty_desk", "high_court", "national_command"], ["national_police"]),
    ({"province": "44"}, ["high_court", "national_command"], ["province_police", "national_police"]),
    ({"province": "00"}, ["national_command"], ["national_police"]),
    ({"station": STATION}, ["high_court", "national_command"], ["station", "province_police", "national_police"]),
    ({"station": "440106-B-0002"}, ["high_court", "national_command"], ["province_police", "national_police"]),
    ({}, ["national_command"], ["national_police"]),
]


@pytest.mark.parametrize(("place", "court", "police"), CASES)
def test_S4_5_each_side_s_contacts_from_the_nearest_on(place: dict[str, str], court: list[str], police: list[str]) -> None:
    found = contacts(ALL, opening(**place))
    assert (list(found["court"]), list(found["police"])) == (court, police)
    provinces = {one.court for level, chain in found["court"].items() if level == "high_court" for one in chain}
    assert provinces <= {(place.get("court") or place.get("province") or place.get("station") or "")[:2]}


def test_S4_5_without_contacts_there_is_nobody_to_tell() -> None:
    assert contacts(Endpoints(), opening(court=COURT)) == {"court": {}, "police": {}}


def test_the_police_are_no_court_s_fallback_and_the_courts_none_of_theirs() -> None:
    (police,) = ALL.of_police("44", "province_police")
    other = Endpoint.of("44", "https://other.example/", SECRET, level="province_police")
    both = Endpoints([*ALL, other])
    assert ALL.beside(police) == ()
    assert both.beside(police) == (other,)
    assert not [one for one in both.of_courts() if one.is_police]
    assert len(list(both.of_courts())) == 5
    assert not [one for court in ALL.of_courts() for one in both.beside(court) if one.is_police]
