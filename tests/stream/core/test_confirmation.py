"""Answers: what each means, which counts, and what is no answer."""

import datetime as dt
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matchers.wire import UnreadableError
from stream.core.confirmation import (
    MEANINGS,
    MINUTES_MAX,
    Confirmation,
    Meaning,
    confirmation_id,
    counted,
    latest,
    read_confirmation,
)
from tests.stream.core.confirmations import FIELDS, confirmation, confirmations


def fields(**changes: Any) -> bytes:
    return json.dumps({**FIELDS, **changes}).encode()


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        ("acknowledged", Meaning.ENDS),
        ("taking_over", Meaning.ENDS),
        ("not_same", Meaning.ENDS),
        ("executed", Meaning.ENDS),
        ("needs_minutes", Meaning.PROLONGS),
        ("cannot_act", Meaning.ESCALATES),
    ],
)
def test_each_answer_has_one_meaning(answer: Any, meaning: Meaning) -> None:
    assert MEANINGS[answer] is meaning
    assert confirmation(answer).meaning is meaning


@pytest.mark.parametrize(
    "changes",
    [
        {"answer": "perhaps"},
        {"answer": "needs_minutes"},
        {"minutes": 10},
        {"answer": "needs_minutes", "minutes": 0},
        {"answer": "needs_minutes", "minutes": MINUTES_MAX + 1},
        {"answer": "needs_minutes", "minutes": "10"},
        {"note": ""},
        {"note": "x" * 2001},
        {"by": {"name": "李法官"}},
        {"at": "2026-11-24T22:14:03"},
        {"hit_id": None},
    ],
)
def test_what_is_no_answer_is_refused_without_its_values(changes: dict[str, Any]) -> None:
    with pytest.raises(UnreadableError) as refused:
        read_confirmation(fields(**changes))
    assert refused.value.reason == "invalid_confirmation"
    assert "李法官" not in refused.value.detail


def test_what_is_written_is_read_and_unknown_fields_are_carried() -> None:
    read = read_confirmation(fields(later={"a": 1}))
    assert read_confirmation(read.model_dump_json().encode()) == read
    assert json.loads(read.model_dump_json())["later"] == {"a": 1}


@given(answers=st.lists(confirmations(), max_size=8), seed=st.integers(0, 1 << 30))
def test_order_and_repeats_change_nothing(answers: list[Confirmation], seed: int) -> None:
    dice = random.Random(seed)
    mixed = [*answers, *dice.choices(answers, k=4)] if answers else []
    dice.shuffle(mixed)
    assert counted(mixed) == counted(answers)
    assert latest(mixed) == latest(answers)


def test_the_latest_counts_and_a_retry_is_no_newer_answer() -> None:
    first, second = confirmation("cannot_act", at_s=10), confirmation("acknowledged", at_s=20)
    retried = first.model_copy(update={"at": first.at + dt.timedelta(minutes=5)})
    assert latest([retried, second, first]) == second
    assert latest([]) is None


@given(court=st.text(), hit=st.uuids().map(str), key=st.text())
def test_an_id_is_the_same_for_the_same_key_and_no_other(court: str, hit: str, key: str) -> None:
    made = confirmation_id(court, hit, key)
    assert made == confirmation_id(court, hit, key)
    others = {confirmation_id(court + "x", hit, key), confirmation_id(court, hit, key + "x"), confirmation_id(court, key, hit)}
    assert made not in others or key == hit
