"""Courts that fail, hang, are gone or unknown, and orders released in the meantime."""

from __future__ import annotations

from dataclasses import replace

from standardwebhooks import Webhook

from connectors.courts.misbehaviour import HANGS, Misbehaviour
from tests.factory import as_record
from tests.stream.engine.running import (
    ATTEMPT_S,
    GONE,
    GOOD,
    PULLS,
    RECORDED,
    RETRIED,
    SLOW,
    UNLISTED,
    Running,
    hit_id_of,
    hotel,
    placed,
    within,
)
from tests.watchlists import orders


def test_a_court_that_answers_500_twice_is_told_at_the_third_attempt(engine: Running) -> None:
    order, passport = placed(engine, RECORDED)
    sighting = hotel(passport)
    hit = hit_id_of(order, sighting)
    engine.recording.answers.extend((500, 500))
    engine.send("sightings.hotel", as_record(sighting))
    within(lambda: ("delivered", "delivered", 3) in engine.steps(hit), "the third attempt delivers")
    story = [step for step in engine.steps(hit) if step[0] not in ("planned", "instructed")]
    assert story == [("attempted", "refused", 1), ("attempted", "refused", 2), ("delivered", "delivered", 3)]
    requests = engine.recording.about(hit)
    assert [request.headers["webhook-id"] for request in requests] == [hit] * 3
    for request in requests:
        Webhook(engine.recording.secret).verify(request.body, request.headers)
    assert len([value for _, value in engine.log("instructions") if hit in value["hit_ids"]]) == 1


def test_an_endpoint_that_is_gone_gets_nothing_more(engine: Running) -> None:
    order, passport = placed(engine, GONE)
    gone = ("undeliverable", "endpoint_gone", 1)
    for misbehaviour in (Misbehaviour(410), None):  # the second time it would take the news, and is not asked
        engine.courts.misbehave(f"/courts/{GONE}", misbehaviour)
        sighting = hotel(passport)
        hit = hit_id_of(order, sighting)
        engine.send("sightings.hotel", as_record(sighting))
        within(lambda hit=hit: gone in engine.steps(hit), "the hit is undeliverable")
        assert ("instructed", "new", 0) in engine.steps(hit)
        assert hit not in engine.courts.received
    told = within(lambda: [one for _, one in engine.log("notices") if one["court"] == GONE], "notice is given of it")
    assert [(one["kind"], one["reason"], one["after"]) for one in told] == [("gone", "endpoint_gone", "disabled")]


def test_a_court_that_hangs_is_tried_again_and_delays_no_other(engine: Running) -> None:
    slow, passport = placed(engine, SLOW)
    quick, _ = placed(engine, GOOD, passport)
    sighting = hotel(passport)
    slow_hit, quick_hit = hit_id_of(slow, sighting), hit_id_of(quick, sighting)
    engine.courts.misbehave(f"/courts/{SLOW}", replace(HANGS, times=1))
    engine.send("sightings.hotel", as_record(sighting))
    within(lambda: ("delivered", "delivered", 2) in engine.steps(slow_hit), "the second attempt delivers")
    assert ("attempted", "timed_out", 1) in engine.steps(slow_hit)
    first = engine.courts.received[quick_hit].at.timestamp()
    then = engine.courts.received[slow_hit].at.timestamp()
    assert then - first > ATTEMPT_S * 0.8


def test_a_court_that_pulls_has_the_event_in_its_inbox(engine: Running) -> None:
    order, passport = placed(engine, PULLS)
    sighting = hotel(passport)
    hit = hit_id_of(order, sighting)
    engine.send("sightings.hotel", as_record(sighting))
    within(lambda: ("delivered", "delivered", 1) in engine.steps(hit), "the hit is in the inbox")
    ((key, event),) = [(key, value) for key, value in engine.log("inbox") if value["id"] == hit]
    assert key == PULLS.encode()
    assert (event["specversion"], event["type"], event["data"]["order_id"]) == ("1.0", "chakong.hit.v1", order)


def test_a_court_without_an_endpoint_has_a_receipt_that_says_so(engine: Running) -> None:
    order, passport = placed(engine, UNLISTED)
    sighting = hotel(passport)
    hit = hit_id_of(order, sighting)
    engine.send("sightings.hotel", as_record(sighting))
    within(lambda: ("undeliverable", "no_endpoint", 0) in engine.steps(hit), "the receipt")
    assert ("instructed", "new", 0) in engine.steps(hit)


def test_an_order_released_between_attempts_is_never_delivered(engine: Running) -> None:
    order, passport = placed(engine, RETRIED)
    sighting = hotel(passport)
    hit = hit_id_of(order, sighting)
    engine.courts.misbehave(f"/courts/{RETRIED}", Misbehaviour(503))
    engine.send("sightings.hotel", as_record(sighting))
    within(lambda: ("attempted", "refused", 2) in engine.steps(hit), "the court refuses twice")
    engine.order(orders.release(order, 2, court=RETRIED).raw)
    within(lambda: ("skipped", "order_released", 0) in engine.steps(hit), "the fence holds it back")
    engine.courts.misbehave(f"/courts/{RETRIED}", None)
    within(lambda: ("withdrawn", "delivered") in [step[:2] for step in engine.steps(hit)], "the court is told that it is void")
    assert hit not in engine.courts.received
    (told,) = [received for received in engine.courts.received.values() if received.subject == hit]
    assert told.type == "chakong.withdrawal.v1"
    told_to_station = [value for _, value in engine.log("instructions") if hit in value["hit_ids"]]
    assert len({instruction["id"] for instruction in told_to_station}) == 1
    states = {instruction["revision"]: instruction["state"] for instruction in told_to_station}
    assert states == {1: "active", 2: "withdrawn"}
