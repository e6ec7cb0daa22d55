"""What of a replay somebody may see: their own orders, and of a sighting that is only named what was theirs to know."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from matchers.sighting import Sighting
from stream.core.authority import Grant, Owner, Principal, Role, may
from stream.core.explanation import Arrived, Everywhere, OrderPast, Past, Screened, past_object, restricted
from stream.core.hit import Hit, hit_id
from stream.core.replay import Agreement, Finding, Found, LoggedHit, OrderRecord, held_against, replay
from stream.core.resolve import resolve
from tests.factory import as_record
from tests.stream.core.test_replay import BEGAN, HOUR, PASSPORTS, POLICY, placed, sighting
from tests.watchlists import orders

OURS, OTHERS = "440106", "330100"
STAY = sighting("hotel_checkin", PASSPORTS[0], 0, 1)
CROSSING = sighting("border_crossing", PASSPORTS[0], 0, 2)
AT = BEGAN + 5 * HOUR


def of_province(raw: bytes, province: str, handler: str = "李法官") -> bytes:
    fields = json.loads(raw)
    fields["court"]["province"], fields["handler"]["name"] = province, handler
    return as_record(fields)


DETAINED = of_province(placed("OURS", 1, PASSPORTS[:1], OURS, "judicial_detention", None, "place"), "44")
NO_EXIT = of_province(placed("EXIT", 1, PASSPORTS[:1], OURS, "exit_restriction", None, "place"), "44", "张法官")
THEIRS = of_province(placed("THEIRS", 1, PASSPORTS[:1], OTHERS, "judicial_detention", None, "place"), "33")
INTRUDING = orders.release("OURS", 2, court=OTHERS).raw


def past_of(seen: Sighting, *raws: bytes, on_log: bool = True) -> Past:
    records = [OrderRecord(0, n, BEGAN + n * HOUR / 10, raw) for n, raw in enumerate(raws)]
    thens = replay(records, seen, POLICY, {0: len(records)})
    found = Found(seen, lambda _: POLICY)
    pasts = []
    for then in thens:
        made: list[Hit] = resolve(seen, list(then.versions.values())[-1:], POLICY, BEGAN) if on_log else []
        hits = [LoggedHit(0, 0, hit) for hit in made]
        pasts.append(OrderPast(then, hits, held_against(then, hits, found, AT), [Everywhere(1, BEGAN)]))
    arrived, screened = Arrived("sightings.hotel", 0, 3, BEGAN), Screened(BEGAN, {0: 1}, lookback=False)
    return Past(seen, "candidates", AT, {0: len(records)}, POLICY.version, arrived, screened, pasts, True, True)


def sees(role: Role, **where: str) -> Callable[[Owner], bool]:
    name = where.pop("name", None)
    principal = Principal("p", (Grant(role, **where),), name)
    return lambda owner: may(principal, "explain_sighting", owner)


CLERK = sees(Role.CLERK, court=OURS)
ALL = sees(Role.COMMAND)


def told(past: Past, may_see: Callable[[Owner], bool], *, given: bool = False, tellable: bool = True) -> dict[str, Any] | None:
    """As the door has it: from JSON."""
    whole = msgspec.json.decode(msgspec.json.encode(past_object(past)))
    hits = [order["hit_id"] for order in whole["orders"] if tellable]
    return restricted(whole, may_see, hits, given=given)


@pytest.mark.parametrize(
    ("may_see", "orders_told"),
    [
        (CLERK, ["OURS", "EXIT"]),
        (sees(Role.HANDLER, court=OURS, name="李法官"), ["OURS"]),
        (sees(Role.HANDLER, court=OTHERS, name="李法官"), ["THEIRS"]),
        (sees(Role.SUPERVISOR, province="44"), ["OURS", "EXIT"]),
        (sees(Role.SUPERVISOR, province="00"), ["OURS", "THEIRS", "EXIT"]),
        (ALL, ["OURS", "THEIRS", "EXIT"]),
        (sees(Role.COURT_SYSTEM, court=OURS), []),
        (sees(Role.AUDITOR), []),
    ],
)
def test_S5_1_each_sees_the_orders_that_are_open_to_them(may_see: Callable[[Owner], bool], orders_told: list[str]) -> None:
    shown = told(past_of(CROSSING, DETAINED, THEIRS, NO_EXIT), may_see, given=True)
    assert shown is not None
    assert [order["order_id"] for order in shown["orders"]] == orders_told
    assert shown["hits"] == len(orders_told)


def test_nothing_of_another_s_order_is_told_nor_that_there_is_one() -> None:
    alone = told(past_of(STAY, DETAINED), CLERK, given=True)
    beside = told(past_of(STAY, DETAINED, THEIRS), CLERK, given=True)
    assert alone is not None
    assert beside is not None
    assert {**alone, "positions": None} == {**beside, "positions": None}
    nobodys, others = (told(past_of(STAY, *raws), CLERK, given=True) for raws in ((), (THEIRS,)))
    assert nobodys is not None
    assert others is not None
    for name in nobodys.keys() - {"positions"}:
        assert nobodys[name] == others[name]


@pytest.mark.parametrize(
    ("seen", "raws", "is_told"),
    [
        (STAY, [DETAINED], True),
        (STAY, [THEIRS], False),
        (STAY, [NO_EXIT], False),  # an exit restriction is no ground to hear of a hotel stay
        (CROSSING, [NO_EXIT], True),
        (STAY, [], False),
    ],
)
def test_S5_1_a_sighting_that_is_only_named_is_told_where_it_was_theirs_to_know(
    seen: Sighting, raws: list[bytes], is_told: bool
) -> None:
    assert (told(past_of(seen, *raws), CLERK) is not None) is is_told
    assert told(past_of(seen, *raws), CLERK, given=True) is not None


@pytest.mark.parametrize("raws", [[DETAINED], [DETAINED, orders.release("OURS", 2).raw]])
def test_a_hit_that_may_not_be_told_is_as_if_the_log_had_none(raws: list[bytes]) -> None:
    """Else whoever names a sighting, at an instant before the release, would hear of what came after it."""
    assert told(past_of(STAY, *raws), CLERK, tellable=False) is None
    assert told(past_of(STAY, *raws, on_log=False), CLERK) is None
    hidden = told(past_of(STAY, *raws), CLERK, given=True, tellable=False)
    assert hidden == told(past_of(STAY, *raws, on_log=False), CLERK, given=True)


def test_of_a_sighting_that_is_only_named_no_identifier_is_told_that_no_evidence_is_about() -> None:
    fields = json.loads(json.dumps(STAY.fields)) | {"vehicle": {"plate": "粤A12345", "plate_class": "02"}}
    seen = sighting("hotel_checkin", PASSPORTS[0], 0, 1)
    shown = told(past_of(dataclasses.replace(seen, fields=fields), DETAINED), CLERK)
    assert shown is not None
    assert (shown["keys"], shown["warnings"]) == ([], [])
    assert "粤A12345" not in json.dumps(shown, ensure_ascii=False)


def test_that_the_log_has_a_sighting_is_told_where_it_hit_theirs() -> None:
    on_log, not_on_log = (told(past_of(STAY, DETAINED, on_log=on), CLERK, given=True) for on in (True, False))
    assert on_log is not None
    assert not_on_log is not None
    assert on_log["arrived"]["offset"] == 3
    assert (not_on_log["arrived"], not_on_log["screened"]) == (None, None)


def test_what_other_courts_tried_is_told_to_nobody_but_those_above() -> None:
    past = past_of(STAY, DETAINED, INTRUDING)
    ours, above = told(past, CLERK), told(past, ALL)
    assert ours is not None
    assert above is not None
    assert [step["decision"] for step in ours["orders"][0]["steps"]] == ["placed"]
    assert [step["decision"] for step in above["orders"][0]["steps"]] == ["placed", "other_court"]
    assert "owner" not in ours["orders"][0]


def test_a_replay_as_json() -> None:
    released = orders.release("OURS", 2).raw
    shown = past_object(past_of(STAY, DETAINED, released))
    (order,) = shown["orders"]
    assert (order["state"], order["outcome"], order["is_hit"]) == ("released", "released", False)
    assert (order["version"], order["agreement"]) == (1, "no_more")
    assert order["hit_id"] == hit_id("OURS", STAY.station.code, STAY.id)
    assert [step["decision"] for step in order["steps"]] == ["placed", "released"]
    assert order["everywhere"] == [{"version": 1, "at": BEGAN}]
    assert shown["screened"]["positions"] == {"0": 1}
    assert (shown["hits"], shown["agrees"]) == (0, True)
    assert shown["occurred_at"].astimezone(dt.UTC) == BEGAN


def test_a_replay_that_differs_says_so() -> None:
    past = past_of(STAY, DETAINED)
    (order,) = past.orders
    wrong = OrderPast(order.then, order.hits, Finding(Agreement.DIFFERS, ("rule",)), ())
    shown = past_object(dataclasses.replace(past, orders=[wrong]))
    assert (shown["agrees"], shown["orders"][0]["differences"]) == (False, ["rule"])
