"""Incidents at the door: each sees and moves its own, by the matrix; what is taken in is on the log first."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from pydantic import SecretStr

from connectors.kafka.topics import INCIDENTS
from connectors.redis.client import connect
from connectors.redis.incidents import IncidentsView
from connectors.redis.settings import RedisSettings
from stream.core.authority import Grant, Principal, Role
from stream.core.incident import IncidentKind
from stream.core.incident_record import IncidentRecord, incident_id, opened, read_record
from stream.services.rebuilding import rebuild_incidents
from tests.connectors.door.running import NOW, OTHER, OURS, Answered, Door
from tests.connectors.door.running import opened as door_opened
from tests.stream.core.incidents import opening

PEOPLE: Final = {
    "clerk": Principal("clerk-1", (Grant(Role.CLERK, OURS),), name="李法官", machine=False),
    "handler": Principal("handler-1", (Grant(Role.HANDLER, OURS),), name="王法官", machine=False),
    "police": Principal("44", (Grant(Role.POLICE, province="44"),)),
    "elsewhere": Principal("31", (Grant(Role.POLICE, province="31"),)),
    "station": Principal("440106-B-0001", (Grant(Role.STATION, station="440106-B-0001", province="44"),)),
    "operator": Principal("ops", (Grant(Role.OPERATOR),)),
    "auditor": Principal("audit", (Grant(Role.AUDITOR),)),
}
HAND: Final = {"about": "夜间联调", "says": {"zh": "联调期间回执延迟"}}


class World:
    """A door, and the view behind it, which a worker would keep."""

    def __init__(self, door: Door, view: IncidentsView) -> None:
        self.door, self.view = door, view

    async def ask(self, method: str, path: str, who: str, content: Any = None, key: str = "k-1") -> Answered:
        token = f"{who}-" * 8 if who in PEOPLE else who
        headers = {} if method == "GET" else {"Idempotency-Key": key}
        answered = await self.door.ask(method, f"/v1/incidents{path}", token, content, headers)
        if method == "POST":
            await rebuild_incidents(self.door.kafka, self.view)
        return answered

    async def seen(self, who: str, query: str = "") -> set[str]:
        answered = await self.ask("GET", query, who)
        assert answered.status == 200
        return {item["about"] for item in answered.body["items"]}

    async def steps(self, id_: str) -> list[str]:
        incident = await self.view.find(id_)
        assert incident is not None
        return [step.step for step in incident.steps]


@asynccontextmanager
async def world(kafka: str, redis_url: str, topic_prefix: str) -> AsyncIterator[World]:
    tokens = {f"{name}-" * 8: principal for name, principal in PEOPLE.items()}
    async with (
        door_opened(kafka, topic_prefix, redis_url=redis_url, people=tokens) as door,
        connect(RedisSettings(url=SecretStr(redis_url))) as client,
    ):
        yield World(door, IncidentsView(client, topic_prefix))


def by_engine(about: str, **place: str) -> IncidentRecord:
    of = opening(IncidentKind.SILENT_SOURCE, about, **place)
    return opened(incident_id(of, NOW), of, NOW)


async def test_S4_5_an_incident_is_opened_seen_moved_and_resolved(kafka: str, redis_url: str, topic_prefix: str) -> None:
    async with world(kafka, redis_url, topic_prefix) as here:
        first = await here.ask("POST", "", "handler", HAND)
        again = await here.ask("POST", "", "handler", HAND)
        assert (first.status, again.status, first.body) == (202, 202, again.body)
        id_ = first.body["id"]
        other = await here.ask("POST", "", "handler", {**HAND, "about": "另一件"})
        assert (other.status, other.body["type"]) == (422, "urn:chakong:problem:key_reused")

        shown = (await here.ask("GET", f"/{id_}", "police")).body
        assert (shown["kind"], shown["state"], shown["court"], shown["province"]) == ("by_hand", "open", OURS, "44")
        assert shown["says"] == {"zh": HAND["says"]["zh"], "en": HAND["says"]["zh"]}
        assert shown["sides"] == {side: {"noticed_at": None, "acknowledged_at": None} for side in ("court", "police")}

        for who, step, key in (("police", "acknowledge", "a"), ("clerk", "acknowledge", "a"), ("operator", "resolve", "b")):
            assert (await here.ask("POST", f"/{id_}/steps", who, {"step": step}, key)).status == 202
        assert (await here.ask("POST", f"/{id_}/steps", "operator", {"step": "resolve"}, "b")).status == 202
        moved = await here.ask("POST", f"/{id_}/steps", "operator", {"step": "reopen"}, "b")
        assert moved.body["type"] == "urn:chakong:problem:key_reused"
        assert sorted(await here.steps(id_)) == ["acknowledged", "acknowledged", "opened", "resolved"]
        shown = (await here.ask("GET", f"/{id_}", "clerk")).body
        assert shown["state"] == "resolved"
        assert all(side["acknowledged_at"] for side in shown["sides"].values())
        assert {step["by"]["side"] for step in shown["steps"]} == {"court", "police", None}
        assert "法官" not in json.dumps(shown, ensure_ascii=False)
        assert (await here.ask("POST", f"/{id_}/steps", "clerk", {"step": "reopen"}, "c")).status == 202
        assert (await here.ask("GET", f"/{id_}", "clerk")).body["state"] == "open"


async def test_S5_2_each_sees_its_own_incidents_and_no_other(kafka: str, redis_url: str, topic_prefix: str) -> None:
    async with world(kafka, redis_url, topic_prefix) as here:
        places: dict[str, dict[str, str]] = {
            "court": {"court": OURS},
            "other": {"court": OTHER},
            "province": {"province": "44"},
            "station": {"station": "440106-B-0001"},
            "nation": {},
        }
        records = {about: by_engine(about, **place) for about, place in places.items()}
        await here.view.record(records.values())
        every = set(places)
        reached = {
            "clerk": {"court"},
            OURS: {"court"},
            OTHER: {"other"},
            "police": {"court", "province", "station"},
            "elsewhere": {"other"},
            "station": {"station"},
            "operator": every,
            "auditor": every,
        }
        for who, mine in reached.items():
            assert await here.seen(who) == mine
            for about, record in records.items():
                answered = await here.ask("GET", f"/{record.incident_id}", who)
                assert answered.status == (200 if about in mine else 404), (who, about)
        others = f"/{records['other'].incident_id}/steps"
        assert (await here.ask("POST", others, "clerk", {"step": "resolve"})).status == 404
        assert (await here.ask("POST", "", "clerk", {**HAND, "court": OTHER})).status == 404
        for who in ("handler", "auditor"):
            refused = await here.ask("POST", f"/{records['court'].incident_id}/steps", who, {"step": "resolve"})
            assert refused.status == 403
        assert await here.steps(records["court"].incident_id) == ["opened"]


async def test_the_list_is_read_page_by_page_and_by_state(kafka: str, redis_url: str, topic_prefix: str) -> None:
    async with world(kafka, redis_url, topic_prefix) as here:
        names = {f"thing {number}" for number in range(5)}
        await here.view.record([by_engine(name, court=OURS) for name in sorted(names)] + [by_engine("other", court=OTHER)])
        read, after = [], ""
        for _ in range(6):
            page = (await here.ask("GET", f"?limit=2{after}", "clerk")).body
            read += [item["about"] for item in page["items"]]
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        assert sorted(read) == sorted(names)
        resolved = incident_id(opening(IncidentKind.SILENT_SOURCE, "thing 3"), NOW)
        assert (await here.ask("POST", f"/{resolved}/steps", "clerk", {"step": "resolve", "note": "线路已恢复"})).status == 202
        assert await here.seen("clerk", "?state=resolved") == {"thing 3"}
        assert await here.seen("clerk") == names - {"thing 3"}
        assert await here.seen("clerk", "?state=all") == names
        assert await here.seen("clerk", "?state=all&kind=lag") == set()
        assert await here.seen("clerk", "?state=overdue") == set()


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("", {"about": "x", "says": {}}),
        ("", {"about": "x"}),
        ("", {**HAND, "kind": "lag"}),
        ("", {**HAND, "province": "广东"}),
        ("/{id}/steps", {"step": "forget"}),
        ("/{id}/steps", {"step": "note"}),
        ("/{id}/steps", {"step": "note", "note": "x" * 2001}),
    ],
)
async def test_what_is_not_right_is_refused_and_not_taken_in(
    path: str, content: Any, kafka: str, redis_url: str, topic_prefix: str
) -> None:
    async with world(kafka, redis_url, topic_prefix) as here:
        record = by_engine("thing", court=OURS)
        await here.view.record([record])
        refused = await here.ask("POST", path.format(id=record.incident_id), "clerk", content)
        assert (refused.status, refused.body["type"]) == (422, "urn:chakong:problem:invalid")
        assert await here.seen("clerk", "?state=all") == {"thing"}
        assert (await here.ask("GET", "?after=i1.x", "clerk")).status == 422


async def test_what_is_taken_in_is_on_the_log_and_on_the_audit_record(kafka: str, redis_url: str, topic_prefix: str) -> None:
    async with world(kafka, redis_url, topic_prefix) as here:
        id_ = (await here.ask("POST", "", "station", HAND)).body["id"]
        (record,) = [read_record(raw) for raw in here.door.stored(INCIDENTS)]
        assert (record.incident_id, record.step) == (id_, "opened")
        assert (record.opening.station, record.by.side) == ("440106-B-0001", "police")
        entries = [entry for entry in here.door.audited() if entry.operation == "open_incident"]
        assert [entry.outcome for entry in entries] == ["begun", "done"]
        assert (entries[-1].object.kind, entries[-1].object.id) == ("incident", id_)


async def test_a_view_that_is_away_is_no_answer(kafka: str, topic_prefix: str) -> None:
    async with door_opened(kafka, topic_prefix) as door:
        for path in ("", "/5b6f3c0e-0000-5000-8000-000000000001"):
            answered = await door.get(f"/v1/incidents{path}")
            assert (answered.status, answered.body["type"]) == (503, "urn:chakong:problem:unavailable")
