"""Resolving: every answer has its reason. Who hits whom stands in ``tests/cases``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from matchers.sighting import read_sighting
from matchers.wire import UnreadableError
from stream.core.instruction import instruct
from stream.core.notification import hit_notification
from stream.core.resolve import Outcome, hit_of, judge, resolve
from watchlists.order import Order, read_order
from watchlists.policy import Policy

BASES: dict[str, Any] = json.loads((Path(__file__).resolve().parents[2] / "cases" / "bases.json").read_text("utf-8"))
POLICY = Policy.national()


def order(base: str, **fields: Any) -> Order:
    record = read_order(json.dumps(BASES[base] | fields).encode())
    assert isinstance(record, Order)
    return record


@pytest.mark.parametrize(
    ("base", "sighting", "fields", "outcome"),
    [
        ("detention", "hotel", {}, Outcome.HIT),
        ("exit", "hotel", {}, Outcome.NO_RULE),
        ("seizure", "hotel", {}, Outcome.OTHER_SUBJECT),
        ("detention", "hotel", {"occurred_at": "2026-11-19T00:00:00Z"}, Outcome.BEFORE_CONTROL),
        ("detention", "hotel", {"occurred_at": "2027-11-20T00:00:00+08:00"}, Outcome.AFTER_CONTROL),
        ("detention", "hotel", {"person": {"document": {"type": "passport", "number": "X"}}}, Outcome.OTHER_SUBJECT),
        ("exit", "crossing_in", {}, Outcome.HIT),
    ],
)
def test_a_no_has_its_reason_and_its_evidence(base: str, sighting: str, fields: dict[str, Any], outcome: Outcome) -> None:
    seen = read_sighting(json.dumps(BASES[sighting] | fields).encode())
    judgement = judge(order(base), seen, POLICY)
    assert judgement.outcome is outcome
    hit = hit_of(judgement, seen, POLICY, seen.occurred_at)
    assert (hit is not None) is (outcome is Outcome.HIT)
    assert judgement.verdict.evidence or base == "seizure"


def test_an_overlay_is_told_from_a_missing_rule(tmp_path: Path) -> None:
    (tmp_path / "44.toml").write_text('province = "44"\nside = "court"\n[[narrow]]\nrule = "detention"\n')
    narrowed = POLICY.with_overlays([tmp_path / "44.toml"])
    seen = read_sighting(json.dumps(BASES["hotel"]).encode())
    assert judge(order("detention"), seen, narrowed).outcome is Outcome.OVERLAY


def test_every_hit_in_the_order_of_the_candidates_and_lookback_is_said() -> None:
    seen = read_sighting(json.dumps(BASES["roadside_check"]).encode())
    candidates = [order("seizure"), order("exit"), order("detention", id="2"), order("detention", id="1")]
    assert [hit.order_id for hit in resolve(seen, candidates, POLICY, seen.occurred_at)] == ["V", "2", "1"]
    back = hit_of(judge(candidates[0], seen, POLICY), seen, POLICY, seen.occurred_at, lookback=True)
    assert back is not None
    assert back.lookback


@pytest.mark.parametrize(
    ("base", "sighting", "clock"),
    [
        ("detention", "hotel", ("urgent", 600, 3600)),
        ("detention", "crossing_out", ("urgent", 600, 0)),
        ("exit", "crossing_out", ("urgent", 600, 0)),
        ("exit", "crossing_in", ("routine", 3600, 3600)),
        ("seizure", "transfer_registration", ("routine", 3600, 28800)),
    ],
)
def test_a_hit_carries_the_policys_clock(base: str, sighting: str, clock: tuple[str, int, int]) -> None:
    seen = read_sighting(json.dumps(BASES[sighting]).encode())
    (hit,) = resolve(seen, [order(base)], POLICY, seen.occurred_at)
    assert (hit.response, hit.respond_within_s, hit.group_within_s) == clock


def test_a_misused_identity_is_to_be_verified_and_tells_the_station_nothing_of_the_holder() -> None:
    holder = {"name": "李真真", "phone": "13711112222", "birth_date": "1949-12-31"}
    noted = order("detention", person=BASES["detention"]["person"] | {"misused_identity": {"holder": holder, "text": "遗失"}})
    seen = read_sighting(json.dumps(BASES["hotel"] | {"person": BASES["hotel"]["person"] | {"name": None}}).encode())
    (hit,) = resolve(seen, [noted], POLICY, seen.occurred_at)
    (plain,) = resolve(seen, [order("detention")], POLICY, seen.occurred_at)
    assert (plain.certainty, plain.checks) == ("confirmed", ())
    assert (hit.certainty, hit.verify_first, hit.instruction) == ("verify", True, plain.instruction)
    assert hit.evidence[-1].rule == "misused_identity"
    assert hit.evidence[-1].order == "name、birth_date、phone"
    assert len(hit.checks) == 1
    assert not [value for value in ("李真真", "13711112222", "1949-12-31", "遗失") if value in hit.model_dump_json()]


@pytest.mark.parametrize("place", ["hotel", "check", "crossing_out", "crossing_in", "roadside_check"])
def test_S3_3_police_who_find_a_person_to_be_detained_are_to_tell_the_court_whatever_they_are_at(place: str) -> None:
    seen = read_sighting(json.dumps(BASES[place] | {"person": BASES["hotel"]["person"]}).encode())
    (hit,) = resolve(seen, [order("detention")], POLICY, seen.occurred_at)
    told = hit_notification(hit, update=False, at=hit.detected_at)
    assert (hit.instruction, told.type, told.data["court"]["code"]) == ("call_court", "chakong.hit.v1", "440106")
    assert told.data["handler"] == {"name": "李法官", "phone": "020-00000000"}
    (contact,) = instruct([hit], POLICY, at=hit.detected_at).call
    assert (contact.name, contact.phone) == ("李法官", "020-00000000")


def test_S3_3_nobody_is_detained_on_less_than_a_sealed_decision_and_a_notice_of_assistance() -> None:
    documents = BASES["detention"]["documents"]
    for left_out in documents:
        with pytest.raises(UnreadableError, match=left_out["kind"]):
            order("detention", documents=[one for one in documents if one is not left_out])
