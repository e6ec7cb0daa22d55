"""A glance takes and refuses what the careful reader takes and refuses, and sees the same keys."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from matchers.wire import UnreadableError
from watchlists.glance import Glance, glance
from watchlists.order import Order, Release, read_order

CASES = Path(__file__).resolve().parents[1] / "cases"
BASES = {
    name: record
    for name, record in json.loads((CASES / "bases.json").read_text("utf-8")).items()
    if name in ("detention", "exit", "seizure", "release")
}
WRONG = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 2**70),
    st.floats(),
    st.sampled_from(
        ["", " ", "-", "x", "other", "粤AI2345", "粤Ａ·12345", "11010519491231002x", "110105491231002", "1234567801"]
    ),
    st.sampled_from(["2026-11-20", "2026-11-20T00:00:00Z", "2016-12-31T23:59:60Z", "2026-11-20T00:00:00.123456789+08:00"]),
    st.sampled_from(["exit_restriction", "judicial_detention", "vehicle_seizure", "place", "release", "deny_exit"]),
    st.just([]),
    st.just({}),
    st.text(max_size=3),
)


def paths(value: Any, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, part in parts for path in ((*prefix, key), *paths(part, (*prefix, key)))]


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """Orders with up to three fields spoilt or left out."""
    record = copy.deepcopy(draw(st.sampled_from(list(BASES.values()))))
    for _ in range(draw(st.integers(0, 3))):
        choices = paths(record)
        if not choices:
            break
        *way, last = draw(st.sampled_from(choices))
        holder = record
        for step in way:
            holder = holder[step]
        if draw(st.booleans()):
            holder[last] = draw(WRONG)
        else:
            del holder[last]
    return json.dumps(record, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")


@given(records())
@settings(max_examples=600)
def test_a_glance_sees_what_the_careful_reader_reads(raw: bytes) -> None:
    careful: Order | Release | UnreadableError
    quick: Glance | Order | Release | UnreadableError
    try:
        careful = read_order(raw)
    except UnreadableError as error:
        careful = error
    try:
        quick = glance(raw)
    except UnreadableError as error:
        quick = error
    if isinstance(careful, UnreadableError) or isinstance(quick, UnreadableError):
        assert str(careful) == str(quick)
        return
    same = ("id", "version", "action")
    assert [getattr(careful, name) for name in same] == [getattr(quick, name) for name in same]
    assert careful.court.code == quick.court.code
    if isinstance(careful, Order):
        assert not isinstance(quick, Release)
        assert careful.keys() == quick.keys()


def test_whole_orders_need_a_glance_only() -> None:
    for name in ("detention", "exit", "seizure"):
        assert isinstance(glance(json.dumps(BASES[name]).encode()), Glance)
