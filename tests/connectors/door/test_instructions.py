"""Instructions, from a real Kafka over real HTTP: a station's own, a province's for its platform, page by page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

import msgspec
import pytest

from connectors.kafka.records import Record
from connectors.kafka.topics import INSTRUCTIONS
from stream.core.authority import Grant, Principal, Role
from stream.core.instruction import StationInstruction, instruct
from tests.connectors.door.running import OURS, Door, opened
from tests.factory import sighting_fields
from tests.stream.core.hits import AT, hit
from watchlists.policy import Policy

HOTEL, BORDER, FAR = "440106-H-0012", "440304-B-0001", "310101-H-0001"
PROVINCES: Final = {HOTEL: "44", BORDER: "44", FAR: "31"}
STATION, TWO, POLICE, NATION = "station-" * 5, "stations-" * 5, "police-" * 6, "nation-" * 6
OTHERS: Final = MappingProxyType(
    {
        STATION: Principal(HOTEL, (Grant(Role.STATION, province="44", station=HOTEL),)),
        TWO: Principal("two", (Grant(Role.STATION, station=HOTEL), Grant(Role.STATION, station=FAR))),
        POLICE: Principal("44", (Grant(Role.POLICE, province="44"),)),
        NATION: Principal("00", (Grant(Role.POLICE, province="00"),)),
    }
)
PATH: Final = "/v1/instructions"


@pytest.fixture
async def door(kafka: str, topic_prefix: str) -> AsyncIterator[Door]:
    async with opened(kafka, topic_prefix, people=OTHERS) as door:
        yield door


def instruction(number: int, station: str = HOTEL, *, province: object = None) -> StationInstruction:
    where = {"code": station, "province": province or PROVINCES[station]}
    return instruct([hit(sighting=sighting_fields(id=str(number), station=where))], Policy.national(), at=AT)


async def give(door: Door, *instructions: StationInstruction) -> None:
    """What the engine does, one after the other."""
    for one in instructions:
        await door.records.send_soon([Record(INSTRUCTIONS, one.key.encode(), msgspec.json.encode(one.model_dump(mode="json")))])


async def shown(door: Door, who: str, query: str = "") -> set[tuple[str, str]]:
    page = await door.get(PATH + query, who)
    assert page.status == 200, page.body
    return {(one["station_code"], one["sighting_id"]) for one in page.body["items"]}


async def test_S3_1_a_station_is_shown_its_own_and_a_platform_its_provinces(door: Door) -> None:
    await give(door, instruction(1), instruction(2, BORDER), instruction(3, FAR), instruction(4, province=["44"]))
    assert await shown(door, STATION) == {(HOTEL, "1"), (HOTEL, "4")}
    assert await shown(door, STATION, f"?station={HOTEL}") == {(HOTEL, "1"), (HOTEL, "4")}
    assert await shown(door, POLICE) == {(HOTEL, "1"), (BORDER, "2")}
    assert await shown(door, POLICE, f"?station={BORDER}") == {(BORDER, "2")}
    assert await shown(door, POLICE, f"?station={FAR}") == set()
    assert await shown(door, NATION) == {(HOTEL, "1"), (BORDER, "2"), (FAR, "3"), (HOTEL, "4")}
    assert await shown(door, TWO, f"?station={FAR}") == {(FAR, "3")}


@pytest.mark.parametrize(
    ("who", "query", "status"),
    [
        (STATION, f"?station={BORDER}", 404),
        (TWO, "", 404),
        (TWO, f"?station={BORDER}", 404),
        (OURS, "", 403),
        (STATION, "?station=", 422),
        (STATION, "?after=x", 422),
        (POLICE, "?limit=1001", 422),
    ],
)
async def test_S5_2_no_other_stations(door: Door, who: str, query: str, status: int) -> None:
    assert (await door.get(PATH + query, who)).status == status


async def test_it_is_read_page_by_page_in_order_and_who_waits_is_told(door: Door) -> None:
    given = [instruction(number) for number in range(5)]
    await give(door, *given, instruction(9, FAR))
    first = await door.get(f"{PATH}?limit=3", STATION)
    second = await door.get(f"{PATH}?limit=3&after={quote(first.body['next'])}", STATION)
    assert [StationInstruction.model_validate(one) for page in (first, second) for one in page.body["items"]] == given
    assert second.body["more"] is False
    both = [
        asyncio.create_task(door.get(f"{PATH}?wait=30&after={quote(second.body['next'])}", who)) for who in (STATION, POLICE)
    ]
    await asyncio.sleep(0.2)
    await give(door, instruction(10, FAR), instruction(11))
    assert [[one["sighting_id"] for one in page.body["items"]] for page in await asyncio.gather(*both)] == [["11"], ["11"]]
