"""A past sighting explained from the log of a running engine: before, while and after its order was in place."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest
from click.testing import CliRunner, Result

from stream.commands.explain import explain
from stream.services.replay_process import ReplayProcess
from tests.factory import Fields, as_record
from tests.stream.engine.running import GOOD, OTHER, Running, hit_id_of, hotel, order_id, told, within
from tests.watchlists import orders


class Past(NamedTuple):
    """A sighting that hit one order, later released, and was no matter of another's."""

    order: str
    other: str
    sighting: Fields
    before: dt.datetime
    between: dt.datetime
    after: dt.datetime

    @property
    def named(self) -> tuple[str, str]:
        return self.sighting["station"]["code"], self.sighting["id"]


@pytest.fixture(scope="module")
def past(engine: Running) -> Past:
    passport, order, other = engine.passport(), order_id(), order_id()
    before = now()
    engine.order(orders.order(order, 1, [passport], court=GOOD).raw)
    engine.order(exit_restriction(other, passport))
    sighting = hotel(passport)
    engine.send("sightings.hotel", as_record(sighting))
    told(engine, hit_id_of(order, sighting))
    between = now()
    engine.order(orders.release(order, 2, court=GOOD).raw)
    return Past(order, other, sighting, before, between, now())


@pytest.fixture(autouse=True)
def environment(engine: Running) -> Iterator[None]:
    with mock.patch.dict(os.environ, engine.deployment.environment()):
        yield


def now() -> dt.datetime:
    """An instant that no record of the log shares."""
    time.sleep(0.005)
    moment = dt.datetime.now(dt.UTC)
    time.sleep(0.005)
    return moment


def exit_restriction(id_: str, passport: str) -> bytes:
    fields = json.loads(orders.order(id_, 1, [passport], court=OTHER).raw)
    fields["measure"] = "exit_restriction"
    fields["control"] |= {"until": "2027-11-20T00:00:00+08:00", "requirement": "deny_exit"}
    fields["documents"] = [{"kind": "restriction_decision", "sha256": "0" * 64}]
    return as_record(fields)


def asked(*arguments: str) -> Result:
    return CliRunner().invoke(explain, [*arguments])


def explained(past: Past, at: dt.datetime) -> Fields:
    ended = asked("--sighting", *past.named, "--at", at.isoformat(), "--json")
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout)


def test_a_sighting_that_hit_is_explained_before_while_and_after_its_order_was_in_place(past: Past) -> None:
    said = {}
    for name in ("before", "between", "after"):
        of = {order["order_id"]: order for order in explained(past, getattr(past, name))["orders"]}
        order = of[past.order]
        said[name] = (order["state"], order["outcome"], order["is_hit"], order["agreement"])
        assert [step["decision"] for step in order["steps"]] == ["placed", "released"]
        (logged,) = order["hits"]
        assert (logged["order_version"], logged["instruction"], logged["lookback"]) == (1, "call_court", False)
        assert order["hit_id"] == hit_id_of(past.order, past.sighting)
        assert (of[past.other]["is_hit"], of[past.other]["hits"], of[past.other]["agreement"]) == (False, [], "agrees")
    assert said == {
        "before": ("not_yet", "not_yet", False, "later"),
        "between": ("in_place", "hit", True, "agrees"),
        "after": ("released", "released", False, "no_more"),
    }


def test_why_an_order_was_not_hit_is_explained_with_what_the_filter_and_the_log_had(past: Past, engine: Running) -> None:
    shown = explained(past, past.between)
    (other,) = [order for order in shown["orders"] if order["order_id"] == past.other]
    assert (other["state"], other["outcome"], other["policy"]["denied"]) == ("in_place", "no_rule", "no_rule")
    assert shown["source"] == "candidates"
    assert shown["arrived"]["topic"] == engine.settings.kafka.topic("sightings.hotel")
    filter_at, log_at = shown["screened"]["positions"], shown["positions"]
    for order in shown["orders"]:
        placed = order["steps"][0]
        partition = str(placed["partition"])
        assert placed["offset"] < filter_at[partition] <= log_at[partition]
        assert order["everywhere"][0]["version"] == 1
    assert (shown["whole"], shown["times_known"], shown["agrees"]) == (True, True, True)


def test_a_past_non_match_is_explained_as_long_as_it_is_kept(engine: Running, past: Past) -> None:
    nobody = hotel(engine.passport())
    place = engine.send("sightings.hotel", as_record(nobody))
    named = (nobody["station"]["code"], nobody["id"])
    shown = json.loads(asked("--sighting", *named, "--json").stdout)
    assert (shown["source"], shown["orders"], shown["hits"], shown["screened"]) == ("sightings", [], 0, None)
    assert (shown["arrived"]["partition"], shown["arrived"]["offset"]) == (place.partition, place.offset)
    gone = asked("--sighting", named[0], "no-such-id")
    assert (gone.exit_code, "the log has no such sighting" in gone.output) == (1, True)


def test_a_sighting_that_is_given_is_used_and_its_hit_is_found(past: Past, tmp_path: Path) -> None:
    file = tmp_path / "sighting.json"
    file.write_bytes(as_record(past.sighting))
    shown = json.loads(asked(str(file), "--at", past.between.isoformat(), "--json").stdout)
    assert (shown["source"], shown["hits"], shown["agrees"]) == ("given", 1, True)
    assert shown["screened"]["positions"]
    file.write_bytes(as_record({**past.sighting, "person": {**past.sighting["person"], "name": "另一人"}}))
    ended = asked(str(file), "--at", past.between.isoformat(), "--json")
    assert ended.exit_code == 4
    (order,) = [order for order in json.loads(ended.stdout)["orders"] if order["order_id"] == past.order]
    assert order["agreement"] == "differs"
    assert {"certainty", "evidence", "sighting"} <= set(order["differences"])


async def test_the_door_s_process_gives_the_same_and_keeps_its_limits(past: Past) -> None:
    question: dict[str, Any] = {"station": past.named[0], "id": past.named[1], "at": past.between}
    shown = await asyncio.to_thread(explained, past, past.between)
    assert await ReplayProcess(45, 2048).replay(question) == shown
    assert await ReplayProcess(45, 2048).replay({**question, "id": "no-such-id"}) is None
    given = await ReplayProcess(45, 2048).replay({"sighting": past.sighting, "at": None})
    assert given is not None
    assert given["hits"] == 0
    for limits in ((0.2, 2048), (45, 24)):
        with pytest.raises(TimeoutError):
            await ReplayProcess(*limits).replay(question)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "give the sighting as a file"),
        (("a.json", "--sighting", "s", "i"), "one of the two"),
        (("a.json", "--at", "yesterday"), "not a time as in"),
        (("a.json", "--at", "2026-11-24T22:14:03"), "it needs an offset"),
        (("a.json", "--at", "2026-11-24T22:14:03Z", "--orders", "o.ndjson"), "a replay reads the log"),
    ],
)
def test_wrong_usage_is_told(arguments: tuple[str, ...], says: str) -> None:
    ended = asked(*arguments)
    assert (ended.exit_code, says in ended.output) == (2, True), ended.output


def test_the_hit_of_an_order_that_was_amended_is_its_older_version_s(engine: Running) -> None:
    passport, another, order = engine.passport(), engine.passport(), order_id()
    engine.order(orders.order(order, 1, [passport], court=GOOD).raw)
    sighting = hotel(passport)
    engine.send("sightings.hotel", as_record(sighting))
    told(engine, hit_id_of(order, sighting))
    engine.order(orders.order(order, 2, [another], court=GOOD, action="amend").raw)
    within(lambda: engine.hits(order), "the hit is on the log")
    shown = json.loads(asked("--sighting", sighting["station"]["code"], sighting["id"], "--json").stdout)
    (row,) = shown["orders"]
    assert (row["state"], row["is_hit"], row["agreement"]) == ("other_keys", False, "no_more")
