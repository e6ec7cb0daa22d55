"""The views of feeds in a real Redis: versions, owners, keys, positions; against a plain dictionary."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
import redis.asyncio

from connectors.kafka.topics import CASES, DEBTORS, JUDGMENTS
from connectors.redis.errors import ViewUnavailableError
from connectors.redis.feeds import FeedsView, Written
from matchers.keys import KeyHasher
from stream.core.feeds import DebtorRemoval, FeedRecord, document_key, organisation_key
from stream.core.ports import ViewMovedError
from synthetic.dice import Dice
from tests.factory import ID, resident_id
from tests.stream.core.cases import (
    AT,
    CASE_ID,
    CODE,
    COURT,
    DEBTOR_ID,
    DIGEST,
    case,
    debtor,
    judgment,
    organisation_fields,
    party_fields,
)

HASHER = KeyHasher(b"a secret of this test")


@pytest.fixture
def view(client: redis.asyncio.Redis, namespace: str) -> FeedsView:
    return FeedsView(client, HASHER, namespace)


def written(*records: FeedRecord) -> list[Written]:
    return [Written(record, record.model_dump_json(exclude_none=True).encode()) for record in records]


def removal(version: int, id_: str = DEBTOR_ID, **changes: Any) -> DebtorRemoval:
    return DebtorRemoval.model_validate({"id": id_, "version": version, "court": COURT, "issued_at": AT, **changes})


async def test_S2_1_1_a_case_is_held_by_its_highest_version(view: FeedsView) -> None:
    assert await view.case(CASE_ID) is None
    assert await view.apply(CASES, 0, 0, 3, written(case(version=2), case(version=1), case(version=2))) == [
        *("applied", "stale", "stale")
    ]
    assert await view.case(CASE_ID) == case(version=2)
    await view.apply(CASES, 0, 3, 4, written(case(version=3, status="closed")))
    held = await view.case(CASE_ID)
    assert held is not None
    assert (held.version, held.is_open) == (3, False)


async def test_S2_1_2_a_debtor_is_found_by_document_or_code_and_not_once_removed(view: FeedsView) -> None:
    passport, other = {"type": "passport", "number": "E1"}, str(uuid.uuid4())
    await view.apply(
        DEBTORS,
        0,
        0,
        2,
        written(debtor(party=party_fields(None, documents=[passport])), debtor(other, party=organisation_fields(None))),
    )
    for key in (document_key("resident_id", ID), document_key("passport", "e1")):
        assert [one.id for one in await view.debtors_of(key)] == [DEBTOR_ID]
    assert [one.id for one in await view.debtors_of(organisation_key(CODE))] == [other]
    assert await view.debtors_of(document_key("resident_id", resident_id(2))) == []
    moved = debtor(version=2, party=party_fields(None, resident_id(2)))
    assert await view.apply(DEBTORS, 0, 2, 3, written(moved)) == ["applied"]
    assert await view.debtors_of(document_key("resident_id", ID)) == []
    assert await view.debtors_of(document_key("resident_id", resident_id(2))) == [moved]
    assert await view.apply(DEBTORS, 0, 3, 5, written(removal(3), moved)) == ["applied", "stale"]
    assert await view.debtors_of(document_key("resident_id", resident_id(2))) == []
    assert isinstance(await view.debtor(DEBTOR_ID), DebtorRemoval)
    assert await view.apply(DEBTORS, 0, 5, 6, written(debtor(version=4))) == ["applied"]
    assert [one.version for one in await view.debtors_of(document_key("resident_id", ID))] == [4]


async def test_S2_1_2_another_courts_entry_is_not_overwritten(view: FeedsView) -> None:
    await view.apply(DEBTORS, 0, 0, 1, written(debtor()))
    theirs = debtor(version=9, court={"code": "310101"})
    assert await view.apply(DEBTORS, 0, 1, 3, written(theirs, removal(10, court={"code": "310101"}))) == ["other_court"] * 2
    assert await view.debtor(DEBTOR_ID) == debtor()


async def test_S2_1_3_a_judgment_is_held_by_its_digest(view: FeedsView) -> None:
    await view.apply(JUDGMENTS, 0, 0, 1, written(judgment()))
    assert await view.judgment(DIGEST) == judgment()
    assert await view.judgment(DIGEST[:32] + "0" * 32) is None


async def test_entries_and_position_move_together_or_not_at_all(view: FeedsView) -> None:
    assert await view.positions(CASES) == {}
    await view.apply(CASES, 1, 0, 5, written(case()))
    with pytest.raises(ViewMovedError):
        await view.apply(CASES, 1, 0, 9, written(case(version=2)))
    assert await view.positions(CASES) == {1: 5}
    assert await view.positions(DEBTORS) == {}
    assert (await view.case(CASE_ID)) == case()


async def test_no_identifier_can_be_read_in_the_names_or_under_them_but_in_packed_records(
    view: FeedsView, client: redis.asyncio.Redis, namespace: str
) -> None:
    await view.apply(DEBTORS, 0, 0, 1, written(debtor()))
    for name in await client.keys(f"{namespace}:*"):
        held = await client.hgetall(name)
        everything = b"".join((name, *held, *held.values()))
        assert ID.encode() not in everything
        assert "王伟".encode() not in everything


async def test_a_view_of_another_secret_answers_nothing(view: FeedsView, client: redis.asyncio.Redis, namespace: str) -> None:
    await view.apply(DEBTORS, 0, 0, 1, written(debtor()))
    other = FeedsView(client, KeyHasher(b"another secret of this test"), namespace)
    with pytest.raises(ViewUnavailableError, match="another key secret"):
        await other.debtors_of(document_key("resident_id", ID))


async def test_many_records_in_any_order_leave_what_a_dictionary_would(view: FeedsView) -> None:
    """Buckets split and merge holders; versions come in disorder; some entries end."""
    dice, held, at = Dice(7, b"feeds", 0), {}, 0
    ids = [str(uuid.UUID(int=number << 64 | number * 2654435761)) for number in range(120)]
    for _ in range(12):
        batch: list[FeedRecord] = []
        for _ in range(100):
            id_, version = dice.of(ids), 1 + dice.below(40)
            record = (
                removal(version, id_)
                if dice.chance(20)
                else debtor(id_, version=version, party=party_fields(None, resident_id(dice.below(50))))
            )
            batch.append(record)
            if id_ not in held or held[id_].version < version:
                held[id_] = record
        await view.apply(DEBTORS, 0, at, at + 100, written(*batch))
        at += 100
    for sequence in range(50):
        key = document_key("resident_id", resident_id(sequence))
        wanted = sorted(one.id for one in held.values() if key in one.keys())
        assert [one.id for one in await view.debtors_of(key)] == wanted
    for id_ in ids:
        found = await view.debtor(id_)
        assert (found and found.version) == (held[id_].version if id_ in held else None)


async def test_a_wiped_view_holds_nothing(view: FeedsView, client: redis.asyncio.Redis, namespace: str) -> None:
    await view.apply(DEBTORS, 0, 0, 1, written(debtor()))
    await client.set(f"{namespace}:other", "1")
    await view.wipe()
    assert await client.keys(f"{namespace}:*") == [f"{namespace}:other".encode()]
    assert await view.debtors_of(document_key("resident_id", ID)) == []
