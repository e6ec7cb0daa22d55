"""The view of incidents: whatever order their records come in, and whoever writes, it is the same."""

from __future__ import annotations

import asyncio

import pytest
import redis.asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from connectors.redis.client import connect
from connectors.redis.errors import ViewUnavailableError
from connectors.redis.incidents import IncidentsView, Listed
from connectors.redis.settings import RedisSettings
from stream.core.incident import IncidentKind
from stream.core.incident_life import incident_of
from stream.core.incident_record import by_engine, incident_id, opened
from stream.core.silence import first_look
from stream.core.watching import Source
from tests.stream.core.incidents import ID, START, at, first, hand, opening, taken

RESOLVED = hand("resolved", 2)
CLEARED = by_engine(ID, "cleared", first().id, at(3))
LIFE = (
    first(),
    taken("opened", "court", "national_command", 0.1),
    taken("opened", "police", "national_police", 0.1),
    hand("noted", 1, None),
    RESOLVED,
    CLEARED,
    taken(f"resolved.{RESOLVED.id}", "court", "national_command", 2.1),
    taken(f"resolved.{RESOLVED.id}", "police", "national_police", 2.2),
)
THING = "lag chakong-screen"


@pytest.fixture
def view(client: redis.asyncio.Redis, namespace: str) -> IncidentsView:
    return IncidentsView(client, namespace)


async def test_S4_5_an_incident_is_known_as_its_records_tell(view: IncidentsView) -> None:
    await view.record(LIFE[1:3])
    assert await view.find(ID) is None
    assert await view.unsettled() == []
    for count in range(1, len(LIFE) + 1):
        await view.record(LIFE[:count][::-1])
        incident = await view.find(ID)
        assert incident == incident_of(LIFE[: max(count, 3)])
        assert [one.id for one in await view.unsettled()] == ([ID] if count < len(LIFE) else [])
        held = await view.about(THING)
        assert (held is None) is (count >= LIFE.index(CLEARED) + 1)
        assert await view.taken() == ([] if held is None else [held])


@given(st.data())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_order_by_any_number_of_writers_makes_the_same_view(view: IncidentsView, data: st.DataObject) -> None:
    records = data.draw(st.permutations(LIFE * 2))
    cut = data.draw(st.integers(0, len(records)))
    await view.wipe()
    await asyncio.gather(view.record(records[:cut]), view.record(records[cut:]))
    assert await view.find(ID) == incident_of(LIFE)
    assert await view.unsettled() == await view.taken() == []
    assert len(await view.after(None, 10)) == 1


async def test_the_list_is_newest_first_and_goes_on_from_any_place(view: IncidentsView) -> None:
    about = [opening(IncidentKind.BY_HAND, f"thing {number}") for number in range(7)]
    records = [opened(incident_id(one, START), one, at(number // 3)) for number, one in enumerate(about)]
    await view.record(records)
    whole = await view.after(None, 100)
    assert [place.opened_us for place in whole] == sorted((place.opened_us for place in whole), reverse=True)
    assert {place.id for place in whole} == {record.incident_id for record in records}
    for size in (1, 2, 3, 7):
        read: list[Listed] = []
        while page := await view.after(read[-1] if read else None, size):
            read += page
        assert read == whole


async def test_one_worker_watches_at_a_time(view: IncidentsView) -> None:
    assert await view.take_watching("one")
    assert await view.take_watching("one")
    assert not await view.take_watching("other")
    await view.drop_watching("other")
    assert not await view.take_watching("other")
    await view.drop_watching("one")
    assert await view.take_watching("other")


async def test_patterns_outlive_a_worker_and_what_another_version_wrote_is_learned_anew(
    view: IncidentsView, client: redis.asyncio.Redis, namespace: str
) -> None:
    patterns = {Source("sightings.hotel"): first_look(START), Source("sightings.hotel", "44"): first_look(at(1))}
    assert await view.patterns() == {}
    await view.save_patterns(patterns)
    await view.wipe()
    assert await view.patterns() == patterns
    await client.set(f"{namespace}:incidents:patterns", b"\x91\x01")
    assert await view.patterns() == {}


async def test_a_redis_that_is_away_is_an_error_of_ours() -> None:
    async with connect(RedisSettings(url=SecretStr("redis://127.0.0.1:1/0"))) as client:
        view = IncidentsView(client, "t")
        for ask in (view.find(ID), view.unsettled(), view.record(LIFE), view.after(None, 1), view.patterns()):
            with pytest.raises(ViewUnavailableError):
                await ask
