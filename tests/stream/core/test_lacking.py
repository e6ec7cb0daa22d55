"""What an order lacks that news of a hit will need."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from stream.core.escalation import Level
from stream.core.lacking import LACKS, UNTOLD, Lack, is_current, lacking, listing_id
from stream.core.reachability import Reach
from tests.watchlists import orders
from watchlists.order import Order, read_order

AT = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)


def order(**changes: Any) -> Order:
    fields = json.loads(orders.order("A", 1, ["E1"]).raw)
    read = read_order(json.dumps(fields | changes).encode())
    assert isinstance(read, Order)
    return read


@pytest.mark.parametrize(
    ("handler", "chain", "has_high_courts", "changes", "found"),
    [
        ([Reach.ANSWERED], ["duty_desk"], False, {}, ()),
        ([Reach.TAKEN_ONLY], ["duty_desk"], False, {}, ()),
        ([Reach.NEVER_TESTED], ["duty_desk"], False, {}, ()),
        ([], ["duty_desk"], False, {}, (Lack.NO_HANDLER_ENDPOINT,)),
        ([Reach.UNANSWERED, Reach.FAILING], ["duty_desk"], False, {}, (Lack.HANDLER_UNREACHABLE,)),
        ([Reach.UNANSWERED, Reach.TAKEN_ONLY], ["duty_desk"], False, {}, ()),
        ([Reach.ANSWERED], [], False, {}, (Lack.NO_ESCALATION,)),
        ([Reach.ANSWERED], ["duty_desk"], True, {}, (Lack.NO_COURT_PROVINCE,)),
        ([Reach.ANSWERED], ["duty_desk"], True, {"court": {"code": "440106", "province": "44"}}, ()),
        ([Reach.ANSWERED], ["duty_desk"], False, {"handler": {"name": "李法官", "phone": "无"}}, (Lack.NO_HANDLER_PHONE,)),
        ([Reach.ANSWERED], ["duty_desk"], False, {"handler": {"name": "李法官", "phone": "12368"}}, ()),
        ([], [], False, {}, (Lack.NO_HANDLER_ENDPOINT, Lack.NO_ESCALATION)),
    ],
)
def test_what_is_lacking(
    handler: list[Reach], chain: list[Level], has_high_courts: bool, changes: dict[str, Any], found: tuple[Lack, ...]
) -> None:
    assert lacking(order(**changes), handler, chain, has_high_courts=has_high_courts) == found


def test_an_order_that_has_run_out_is_not_looked_at() -> None:
    assert is_current(order(), AT)
    control = {"from": "2026-11-20T00:00:00Z", "until": "2026-11-24T00:00:00Z"}
    assert not is_current(order(control=control), AT)
    assert is_current(order(control=control), AT - dt.timedelta(seconds=1))


def test_every_lack_has_words_and_only_two_leave_the_handler_untold() -> None:
    assert set(LACKS) == set(Lack)
    assert {Lack.NO_HANDLER_ENDPOINT, Lack.HANDLER_UNREACHABLE} == UNTOLD


def test_a_court_has_one_list_a_day() -> None:
    ids = {listing_id(court, day) for court in ("440106", "330100") for day in ("2026-11-24", "2026-11-25") for _ in range(2)}
    assert len(ids) == 4
