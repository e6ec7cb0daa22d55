"""Examples of every message: a few synthetic orders and sightings, written by hand, and what the engine makes of them."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.kafka.deadletters import dead_letter
from matchers.keys import KeyHasher
from matchers.sighting import TOPIC_OF_KIND, Sighting, read_sighting
from matchers.wire import UnreadableError
from stream.core import incident_record
from stream.core.audit.chain import Chain, Intervals
from stream.core.audit.record import Begun, Entry, What, Who
from stream.core.audit.signing import Signer
from stream.core.candidate import Candidate
from stream.core.confirmation import Confirmation, Respondent, confirmation_id
from stream.core.delivery import Reason, Receipt, answer_of
from stream.core.ending import Ending
from stream.core.escalation import Why
from stream.core.health import Change, Health, State
from stream.core.hit import Hit
from stream.core.incident_due import Limits, owed
from stream.core.incident_life import incident_of
from stream.core.incident_record import By, IncidentRecord, by_hand, incident_id, told
from stream.core.instruction import instruct
from stream.core.lacking import Lack, listing_id
from stream.core.notice import Kind, Place, notice
from stream.core.notification import (
    Addressee,
    OrderLacking,
    OrdersLacking,
    ReachabilityTest,
    endpoint_notification,
    hit_notification,
    incident_notification,
    orders_lacking,
    overdue_notification,
    reachability_test,
    withdrawal_notification,
)
from stream.core.outage import noted
from stream.core.reachability import ReachRecord, Rhythm, Seen, due
from stream.core.resolve import resolve
from stream.core.watching import Thresholds, failing_endpoints
from stream.feed_examples import feed_examples
from watchlists.index import Logged, Watchlist
from watchlists.order import read_order
from watchlists.overlay import Liaison, ResponseTimes, Rules
from watchlists.policy import Policy
from watchlists.rules import Author, RulesVersion

DETECTED_AFTER: Final = dt.timedelta(milliseconds=12)
DELIVERED_AFTER: Final = dt.timedelta(milliseconds=30)
ANSWERED_AFTER: Final = dt.timedelta(minutes=4)
RESPOND_WITHIN: Final = dt.timedelta(minutes=10)
OPENED_AFTER: Final = dt.timedelta(seconds=41)
RECOVERED_AFTER: Final = dt.timedelta(minutes=7)
_PLACE: Final = Place("440106", "handler", "webhook", "https://court.example/hits")
_HASHER: Final = KeyHasher(b"for the examples, and no secret")
_CUT_SHORT: Final = 61
_RHYTHM: Final = Rhythm(dt.timedelta(hours=24), dt.timedelta(hours=24))
_ENDPOINT: Final = "6f0a3c5d2b1e49788c7d6e5f40312a1b"


def examples(folder: Path) -> dict[str, list[Any]]:
    """Examples by message, as JSON values; the folder holds ``orders.ndjson`` and ``sightings.ndjson``."""
    orders = (folder / "orders.ndjson").read_bytes().splitlines()
    sightings = (folder / "sightings.ndjson").read_bytes().splitlines()
    watchlist = Watchlist()
    for raw in orders:
        watchlist.apply(Logged(read_order(raw), raw))
    policy = Policy.national()
    seen = [read_sighting(raw) for raw in sightings]
    hits = [hit for one in seen for hit in resolve(one, watchlist.candidates(one.keys()), policy, _detected(one))]
    written = [json.loads(raw) for raw in orders]
    return {
        "sighting": [json.loads(raw) for raw in sightings],
        "order": [record for record in written if record["action"] != "release"],
        "release": [record for record in written if record["action"] == "release"],
        "candidate": [_candidate(seen[0], sightings[0])],
        "hit": [hit.model_dump(mode="json") for hit in hits],
        "instruction": [instruct([hit], policy, at=hit.detected_at).model_dump(mode="json") for hit in hits],
        "receipt": [_receipt(hits[0])],
        "confirmation": [_confirmation(hits[0])],
        "notification": [json.loads(event) for event in _notifications(hits[0])],
        "ending": [_ending(hits[0])],
        "notice": [notice(_PLACE, Kind.DOWN, _opened(hits[0]), "worker-1").model_dump(mode="json")],
        "audit": [json.loads(raw) for raw in _audit_records(hits[0])],
        "reachability": [_reachability(hits[0]).model_dump(mode="json", exclude_none=True)],
        "incident": [json.loads(record.body()) for record in _incident_steps(hits[0])],
        **feed_examples(),
        "rules": [_rules().model_dump(mode="json", exclude_none=True)],
        "deadletter": [_dead_letter(sightings[0][:_CUT_SHORT])],
    }


def _detected(sighting: Sighting) -> dt.datetime:
    return sighting.occurred_at.astimezone(dt.UTC) + DETECTED_AFTER


def _candidate(sighting: Sighting, raw: bytes) -> Any:
    keys = tuple(f"{_HASHER.hash_key(key):016x}" for key in sighting.keys())
    positions = dict(enumerate((3, 0, 2, 0)))
    place = (TOPIC_OF_KIND[sighting.kind], 2, 1041)
    candidate = Candidate(*place, sighting.occurred_at.astimezone(dt.UTC), keys, positions, msgspec.Raw(raw))
    return json.loads(msgspec.json.encode(candidate))


def _receipt(hit: Hit) -> Any:
    return Receipt(
        hit_id=hit.id,
        order_id=hit.order_id,
        order_version=hit.order_version,
        at=hit.detected_at + DELIVERED_AFTER,
        step="delivered",
        outcome=Reason.DELIVERED,
        attempt=1,
        endpoint="https://court.example/hits",
        detail="HTTP 204",
        answer=answer_of(hit),
    ).model_dump(mode="json")


def _ending(hit: Hit) -> Any:
    return Ending(
        order_id=hit.order_id,
        version=hit.order_version + 1,
        court=hit.court.code,
        action="release",
        reason="fulfilled",
        at=hit.detected_at + dt.timedelta(days=1),
    ).model_dump(mode="json")


def _confirmation(hit: Hit) -> Any:
    return Confirmation(
        id=confirmation_id(hit.court.code, hit.id, "2026-0001"),
        hit_id=hit.id,
        at=hit.detected_at + ANSWERED_AFTER,
        by=Respondent(court=hit.court.code, name=hit.handler.name, role="承办法官"),
        answer="needs_minutes",
        minutes=20,
    ).model_dump(mode="json", exclude_none=True)


def _notifications(hit: Hit) -> tuple[bytes, ...]:
    told = hit_notification(hit, update=False, at=hit.detected_at)
    void = withdrawal_notification(hit, "fulfilled", at=hit.detected_at + dt.timedelta(days=1))
    late = overdue_notification(
        hit,
        "duty_desk",
        Why.NO_ANSWER,
        planned_at=hit.detected_at,
        delivered_at=hit.detected_at + DELIVERED_AFTER,
        respond_within=RESPOND_WITHIN,
        at=hit.detected_at + DELIVERED_AFTER + RESPOND_WITHIN,
    )
    opened = _opened(hit)
    outage = noted(noted(None, Kind.DOWN, opened), Kind.RECOVERED, opened._replace(at=opened.at + RECOVERED_AFTER))
    if outage is None:  # what is noted of an endpoint that failed is never nothing
        raise AssertionError
    news = endpoint_notification(_PLACE, outage, Kind.RECOVERED, waiting=3, at=opened.at + RECOVERED_AFTER)
    return told.body(), void.body(), late.body(), news.body(), *_about_reaching(hit), _about_incidents(hit)


def _opened(hit: Hit) -> Change:
    failing = Health(State.OPEN, hit.detected_at, 5, Reason.TIMED_OUT)
    return Change(State.CLOSED, State.OPEN, hit.detected_at + OPENED_AFTER, failing)


def _audit_records(hit: Hit) -> tuple[bytes, ...]:
    """A chain: its beginning, an answer of a court, a checkpoint."""
    signer = Signer(Ed25519PrivateKey.from_private_bytes(b"for the examples, and no secret!"))
    chain = Chain("0f3c8d8e5b7a4c62a1d09f4e2b6c7d18", signer, Intervals(1000, 60.0))
    at = hit.detected_at + ANSWERED_AFTER
    operation = Entry(
        who=Who(
            kind="court", id=hit.court.code, role="inbox", credential=f"{hit.court.code}.token", on_behalf_of=hit.handler.name
        ),
        operation="confirm",
        object=What(kind="hit", id=hit.id),
        outcome="done",
        status=202,
        address="192.0.2.7",
        user_agent="court-client/1.0",
        request_id="r-1",
    )
    begun = Begun(service="api", host="door-1", process=7, checkpoint_records=1000)
    return chain.begin(begun, at), chain.append(operation, at), chain.checkpoint(at)


def _reachability(hit: Hit) -> ReachRecord:
    asked_at = hit.detected_at - dt.timedelta(hours=5)
    ask = due(_ENDPOINT, Seen(), asked_at, _RHYTHM)
    if ask is None:
        raise AssertionError("an endpoint that was never tested is not due")
    return ReachRecord(
        test_id=ask.test_id,
        endpoint=_ENDPOINT,
        court=hit.court.code,
        level="handler",
        channel="webhook",
        step="taken",
        at=asked_at + DELIVERED_AFTER,
        answer_by=ask.answer_by,
    )


def _incident_steps(hit: Hit) -> tuple[IncidentRecord, ...]:
    """An endpoint that fails: opened, taken by the police's platform, acknowledged by the court."""
    at = hit.detected_at + dt.timedelta(minutes=12)
    outage = noted(None, Kind.DOWN, _opened(hit))
    if outage is None:
        raise AssertionError
    (opening,) = failing_endpoints([(_PLACE, outage)], at, Thresholds())
    id_ = incident_id(opening, at)
    who = By(id=hit.court.code, roles=("clerk",), side="court")
    return (
        incident_record.opened(id_, opening, at),
        told(id_, "opened", "police", "province_police", at + DELIVERED_AFTER, "https://police.example/news"),
        by_hand(id_, "acknowledged", who, "2026-0001", "正在排查", at + ANSWERED_AFTER),
    )


def _about_incidents(hit: Hit) -> bytes:
    steps = _incident_steps(hit)
    incident = incident_of(steps)
    if incident is None:
        raise AssertionError
    (owed_, *_) = owed(incident, {"court": ("high_court",), "police": ()}, steps[0].at, Limits())
    return incident_notification(incident, owed_, Limits(), at=steps[0].at).body()


def _rules() -> RulesVersion:
    """Guangdong's courts answer sooner, pass a level over, and name whom stations may call."""
    at = dt.datetime(2026, 11, 20, 1, 0, tzinfo=dt.UTC)
    said = Rules(
        narrow=(),
        response=ResponseTimes(urgent_minutes=5, routine_minutes=30),
        escalation=("duty_desk", "high_court", "national_command"),
        liaison=(Liaison(court="440106", name="王联络", phone="020-00000001"),),
    )
    return RulesVersion(
        id="5b0f6a52-6a1c-4f0e-9a53-0f6f2f4b7c11",
        province="44",
        side="court",
        version=3,
        at=at,
        by=Author(id="gd-high-court", role="supervisor"),
        reason="全省执行指挥中心值班调整",
        effective_from=at + dt.timedelta(days=11),
        rules=said,
    )


def _about_reaching(hit: Hit) -> tuple[bytes, bytes]:
    court, record = Addressee(code=hit.court.code), _reachability(hit)
    test = ReachabilityTest(
        test_id=record.test_id, court=court, level=record.level, channel=record.channel, answer_by=record.answer_by
    )
    lacks = OrderLacking(order_id=hit.order_id, reasons=(Lack.NO_ESCALATION,))
    listing = OrdersLacking(court=court, orders=(lacks,), total=1, looked_at=hit.detected_at)
    day = hit.detected_at.date().isoformat()
    tested = reachability_test(test, at=record.at)
    return tested.body(), orders_lacking(listing, listing_id(hit.court.code, day)).body()


def _dead_letter(raw: bytes) -> Any:
    try:
        read_sighting(raw)
    except UnreadableError as error:
        at = dt.datetime(2026, 11, 24, 14, 14, 3, tzinfo=dt.UTC)
        return json.loads(dead_letter("sightings.hotel", 2, 1042, at, error.reason, error.detail, raw).value)
    raise AssertionError("the example of an unreadable record can be read")
