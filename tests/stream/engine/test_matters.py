"""One subject and several orders; repetitions; withdrawals; answers, and nobody answering: in a running engine."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from tests.factory import Fields, as_record
from tests.stream.engine.running import GOOD, OTHER, Running, hit_id_of, hotel, placed, told, within
from tests.watchlists import orders


def instructions(engine: Running, sighting: Fields) -> dict[int, Fields]:
    """What the station was told of a sighting, by revision."""
    found = (value for _, value in engine.log("instructions") if value["sighting_id"] == sighting["id"])
    return {value["revision"]: value for value in found}


def events(engine: Running, about: str) -> dict[str, Any]:
    """What arrived at the courts about a hit, by type."""
    return {received.type: received for received in list(engine.courts.received.values()) if received.subject == about}


def confirm(engine: Running, hit: str, court: str, answer: str, **fields: Any) -> None:
    said = {"id": str(uuid.uuid4()), "hit_id": hit, "at": "2026-11-24T22:30:00+08:00", "by": {"court": court}, "answer": answer}
    engine.send("confirmations", msgspec.json.encode(said | fields), hit.encode())


def test_two_courts_want_one_person_and_the_end_of_one_order_is_not_the_end_of_the_other(engine: Running) -> None:
    first, passport = placed(engine, GOOD)
    second, _ = placed(engine, OTHER, passport)
    sighting = hotel(passport)
    engine.send("sightings.hotel", as_record(sighting))
    hits = {order: hit_id_of(order, sighting) for order in (first, second)}
    for hit in hits.values():
        told(engine, hit)
    both = within(lambda: instructions(engine, sighting).get(2), "one instruction names both")
    assert sorted(both["order_ids"]) == sorted(hits)
    assert sorted(who["court_code"] for who in both["call"]) == sorted((GOOD, OTHER))
    assert (both["state"], both["instruction"]) == ("active", "call_court")

    engine.order(orders.release(first, 2, court=GOOD).raw)
    within(lambda: "chakong.withdrawal.v1" in events(engine, hits[first]), "the first court is told that its hit is void")
    left = within(lambda: instructions(engine, sighting).get(3), "the station is told")
    assert (left["order_ids"], left["state"]) == ([second], "active")
    assert list(events(engine, hits[second])) == ["chakong.hit.v1"]

    engine.order(orders.release(second, 2, court=OTHER).raw)
    within(lambda: "chakong.withdrawal.v1" in events(engine, hits[second]), "the second court is told that its hit is void")
    assert within(lambda: instructions(engine, sighting).get(4), "the station is told")["state"] == "withdrawn"


def test_a_repetition_is_on_record_and_told_later_and_a_new_place_at_once(engine: Running) -> None:
    order, passport = placed(engine)
    first = hotel(passport)
    again = first | {"id": f"{first['id']}-again"}
    elsewhere = hotel(passport)
    engine.send("sightings.hotel", as_record(first))
    told(engine, hit_id_of(order, first))
    within(lambda: ("planned", "new", 0) in engine.steps(hit_id_of(order, first)), "it is on record")
    engine.send("sightings.hotel", as_record(again))
    engine.send("sightings.hotel", as_record(elsewhere))
    told(engine, hit_id_of(order, elsewhere))
    (held,) = within(
        lambda: [receipt for receipt in engine.receipts(hit_id_of(order, again)) if receipt["step"] == "held"], "it is held"
    )
    (planned,) = [receipt for receipt in engine.receipts(hit_id_of(order, first)) if receipt["step"] == "planned"]
    assert (held["matter"], held["notification"]) == (planned["matter"], hit_id_of(order, again))
    assert held["outcome"] == "carries"
    assert instructions(engine, again)  # the station acts on each sighting
    assert hit_id_of(order, again) not in engine.courts.received


def test_an_order_amended_to_another_subject_withdraws_what_was_told(engine: Running) -> None:
    order, passport = placed(engine)
    sighting = hotel(passport)
    hit = hit_id_of(order, sighting)
    engine.send("sightings.hotel", as_record(sighting))
    told(engine, hit)
    engine.order(orders.order(order, 2, [engine.passport()], court=GOOD, action="amend").raw)
    within(lambda: "chakong.withdrawal.v1" in events(engine, hit), "the court is told that the hit is void")
    assert within(lambda: instructions(engine, sighting).get(2), "so is the station")["state"] == "withdrawn"


def test_an_order_amended_otherwise_updates_what_was_told(engine: Running) -> None:
    order, passport = placed(engine)
    sighting = hotel(passport)
    hit = hit_id_of(order, sighting)
    engine.send("sightings.hotel", as_record(sighting))
    told(engine, hit)
    engine.order(orders.order(order, 2, [passport], court=GOOD, action="amend", handler="王法官").raw)
    phone = [receipt["outcome"] for receipt in engine.receipts(hit) if receipt["step"] == "skipped"]
    assert not phone
    named = orders.order(order, 3, [passport, engine.passport()], court=GOOD, action="amend")
    engine.order(named.raw.replace(b"020-00000000", b"020-11111111"))
    within(lambda: f"{hit}.3" in engine.courts.received, "the court is told the new number")


def test_a_handler_who_cannot_act_sends_it_up_the_chain_and_one_who_acts_ends_it(engine: Running) -> None:
    order, passport = placed(engine, OTHER)
    sighting = hotel(passport)
    hit = hit_id_of(order, sighting)
    engine.send("sightings.hotel", as_record(sighting))
    told(engine, hit)
    confirm(engine, hit, GOOD, "executed")  # another court's
    confirm(engine, hit, OTHER, "cannot_act")
    overdue = within(lambda: events(engine, hit).get("chakong.overdue.v1"), "the duty desk is told")
    assert overdue.order_id == order
    steps = within(lambda: [step for step in engine.receipts(hit) if step["step"] == "escalated"], "it is on record")
    assert [(step["level"], step["outcome"], step["attempt"]) for step in steps] == [("duty_desk", "delivered", 1)]
    confirm(engine, hit, OTHER, "taking_over", at="2026-11-24T22:40:00+08:00")
    within(lambda: ("confirmed", "taking_over") in [step[:2] for step in engine.steps(hit)], "the answer is on record")
    letters = [value for _, value in engine.log("deadletters") if value["reason"] == "other_court"]
    assert any(value["topic"].endswith("confirmations") for value in letters)
