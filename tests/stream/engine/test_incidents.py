"""A running worker follows the topic of incidents, watches, and buries what is no step."""

from __future__ import annotations

import redis.asyncio

from connectors.redis.incidents import IncidentsView
from stream.core.incident_life import Incident
from tests.stream.core.incidents import ID, first, hand
from tests.stream.engine.running import Running, is_buried, within


def test_S4_5_what_is_put_on_the_topic_takes_effect(engine: Running) -> None:
    async def found(client: redis.asyncio.Redis) -> Incident | None:
        return await IncidentsView(client, engine.settings.redis.namespace).find(ID)

    async def watcher(client: redis.asyncio.Redis) -> bytes | None:
        return await client.get(f"{engine.settings.redis.namespace}:incidents:watching")

    for record in (hand("resolved", 1), first()):
        engine.send("incidents", record.body(), ID.encode())
    incident = within(lambda: engine.ask(found), "the incident is known")
    within(lambda: not engine.ask(found).is_open, "and that it is resolved")
    assert incident.opening == first().opening
    within(lambda: engine.ask(watcher), "the worker watches")
    place = engine.send("incidents", b'{"step": "none"}', b"x")
    is_buried(engine.letter(place), "invalid_incident", b'{"step": "none"}', set())
