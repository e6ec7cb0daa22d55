"""A province's rules change at the door, and a running worker judges by them: the next hit says so."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import uuid
from typing import Any

from stream.core.authority import Grant, Principal, Role
from tests.connectors.door.running import Answered, now, opened
from tests.factory import Fields, as_record, person_fields, sighting_fields
from tests.stream.engine.running import GOOD, Running, hit_id_of, order_id, told, within
from tests.watchlists import orders
from watchlists.policy import Policy

PROVINCE = "46"
"""No other test of this folder has orders or stations there."""
COURTS, POLICE, NEIGHBOUR = "supervisor-46-" * 4, "police-46-" * 4, "supervisor-44-" * 4
WHO = {
    token: Principal(f"{role}-{province}", (Grant(role, province=province),), machine=False)
    for token, role, province in (
        (COURTS, Role.SUPERVISOR, PROVINCE),
        (POLICE, Role.POLICE, PROVINCE),
        (NEIGHBOUR, Role.SUPERVISOR, "44"),
    )
}
NATION = Policy.national().version
AT_ONCE = {
    "narrow": [],
    "response": {"urgent_minutes": 5, "routine_minutes": 30},
    "escalation": ["national_command"],
    "liaison": [{"court": GOOD, "name": "王联络", "phone": "0898-00000001"}],
}
NO_HOTELS = {
    "narrow": [{"rule": "detention", "without": [{"kind": "hotel_checkin"}]}],
    "liaison": [{"station": "460000-B-0001", "name": "赵联络", "phone": "0898-00000002"}],
}


def placed_in_the_province(engine: Running) -> tuple[str, str]:
    order, passport = order_id(), engine.passport()
    fields = json.loads(orders.order(order, 1, [passport], court=GOOD).raw)
    engine.order(as_record({**fields, "court": {"code": GOOD, "province": PROVINCE}}))
    return order, passport


def seen(passport: str, kind: str, at: dt.datetime) -> Fields:
    station = {"code": "460000-B-0001", "name": "海口站", "province": PROVINCE}
    more: dict[str, Any] = {"crossing": {"direction": "entry"}} if kind == "border_crossing" else {}
    person = person_fields(passport, "passport")
    return sighting_fields(kind, id=uuid.uuid4().hex, occurred_at=at.isoformat(), station=station, person=person, **more)


def hit_of(engine: Running, order: str, sighting: Fields) -> Fields:
    engine.send("sightings.hotel", as_record(sighting))
    id_ = hit_id_of(order, sighting)
    return within(lambda: next((hit for hit in engine.hits(order) if hit["id"] == id_), None), "the hit")


async def changed_at_the_door(engine: Running) -> dt.datetime:
    """Both sides' rules, as they may be made; returns when both count."""
    async with opened(engine.settings.kafka.bootstrap, engine.deployment.topic_prefix, people=WHO, clock=now) as door:

        async def put(who: str, side: str, rules: Fields) -> Answered:
            said = {"reason": "海南试行", "rules": rules}
            return await door.ask("PUT", f"/v1/rules/{PROVINCE}/{side}", who, said, {"If-None-Match": "*"})

        assert (await put(NEIGHBOUR, "court", AT_ONCE)).status == 404
        assert (await put(POLICE, "court", AT_ONCE)).status == 403
        assert (await put(COURTS, "court", {"narrow": [], "group_minutes": 9999})).status == 422
        made = [await put(COURTS, "court", AT_ONCE), await put(POLICE, "police", NO_HOTELS)]
    assert [answer.status for answer in made] == [200, 200]
    return max(dt.datetime.fromisoformat(answer.body["counts_from"]) for answer in made)


def test_S5_3_a_change_at_the_door_is_applied_by_a_running_worker(engine: Running) -> None:
    order, passport = placed_in_the_province(engine)
    before = now()
    assert hit_of(engine, order, seen(passport, "hotel_checkin", before))["policy_version"] == NATION
    counts_from = asyncio.run(changed_at_the_door(engine))
    within(lambda: now() > counts_from, "both versions count")

    at = now()
    engine.send("sightings.hotel", as_record(hidden := seen(passport, "hotel_checkin", at)))
    hit = hit_of(engine, order, seen(passport, "border_crossing", at))
    assert hit["policy_version"] == f"{NATION}+46.court.1+46.police.1"
    assert (hit["instruction"], hit["respond_within_s"]) == ("call_court", 300)
    # What happened before is judged as it was then, however late it comes.
    late = hit_of(engine, order, seen(passport, "hotel_checkin", before))
    assert (late["policy_version"], late["respond_within_s"], late["liaison"]) == (NATION, 600, None)

    told(engine, hit["id"])
    assert hit_id_of(order, hidden) not in {found["id"] for found in engine.hits(order)}
    assert hit["liaison"] == {"name": "赵联络", "phone": "0898-00000002"}
    instruction = within(
        lambda: next((value for _, value in engine.log("instructions") if hit["id"] in value["hit_ids"]), None), "instructed"
    )
    assert [who["liaison"] for who in instruction["call"]] == [{"name": "王联络", "phone": "0898-00000001"}]
