"""What records do to an order, whatever comes twice, late or from a court that had no say."""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from watchlists.lifecycle import SAYS, UNKNOWN, Change, Decision, Held, decide


class _Court(NamedTuple):
    code: str


class _Record(NamedTuple):
    id: str
    version: int
    action: str
    court: _Court


RECORDS = st.builds(
    _Record,
    st.sampled_from(["A", "B"]),
    st.integers(1, 4),
    st.sampled_from(["place", "amend", "release"]),
    st.sampled_from([_Court("1"), _Court("2")]),
)
OF_ONE_ID = st.lists(RECORDS.map(lambda record: record._replace(id="A")), max_size=8)


def after(records: list[_Record], held: Held = UNKNOWN) -> Held:
    return reduce(lambda held, record: decide(held, record).held, records, held)


@given(OF_ONE_ID, st.data())
def test_replays_change_nothing(records: list[_Record], data: st.DataObject) -> None:
    """At least once: any stretch of what was applied may be applied again, at any later time."""
    held = UNKNOWN
    for number, record in enumerate(records):
        held = decide(held, record).held
        again = data.draw(st.lists(st.sampled_from(records[: number + 1]), max_size=4))
        assert after(again, held).in_place == held.in_place
        assert (after(again, held).court, after(again, held).version) == (held.court, held.version)
        held = after(again, held)
    assert held.in_place == after(records).in_place


@given(OF_ONE_ID, RECORDS)
def test_a_lower_or_equal_version_than_the_one_held_changes_nothing(records: list[_Record], record: _Record) -> None:
    held = after(records)
    if held.court is not None and record.version <= held.version:
        change = decide(held, record)
        assert change.held == held
        assert change.decision.refused is (record.court.code != held.court)


@given(OF_ONE_ID, OF_ONE_ID)
def test_release_is_final(before: list[_Record], later: list[_Record]) -> None:
    held = after(before)
    if held.released:
        assert after(later, held) == held


@given(OF_ONE_ID, RECORDS)
def test_only_the_issuing_court_may_amend_or_release(records: list[_Record], record: _Record) -> None:
    held = after(records)
    if held.court is not None and record.court.code != held.court:
        assert decide(held, record) == Change(Decision.REFUSED_OTHER_COURT, held)


@given(st.lists(RECORDS, max_size=10), st.randoms(use_true_random=False))
def test_the_order_of_independent_ids_does_not_matter(records: list[_Record], dice: object) -> None:
    one, two = ([record for record in records if record.id == id_] for id_ in "AB")
    held = {"A": UNKNOWN, "B": UNKNOWN}
    for record in records:
        held[record.id] = decide(held[record.id], record).held
    assert held == {"A": after(one), "B": after(two)}


@given(OF_ONE_ID)
def test_one_court_ends_in_the_state_of_its_highest_version(records: list[_Record]) -> None:
    """Without a release nothing of what came late, in whatever order, is left."""
    own = [record._replace(court=_Court("1"), action="amend") for record in records]
    assert after(own).version == max((record.version for record in own), default=0)


@given(OF_ONE_ID, RECORDS)
def test_what_is_refused_says_why_and_what_is_not_changes_as_it_says(records: list[_Record], record: _Record) -> None:
    held = after(records)
    change = decide(held, record)
    assert (change.held != held) is change.decision.changes
    assert not (change.decision.changes and change.decision.refused)
    assert (change.decision in SAYS) is change.decision.refused


def test_a_tombstone_stops_its_own_court_and_no_other() -> None:
    release = _Record("A", 2, "release", _Court("1"))
    place = _Record("A", 1, "place", _Court("1"))
    tomb = decide(UNKNOWN, release)
    assert tomb.decision is Decision.TOMBSTONED
    assert decide(tomb.held, place).decision is Decision.STALE
    assert decide(tomb.held, place._replace(version=3)).decision is Decision.REFUSED_AFTER_RELEASE
    other = decide(tomb.held, place._replace(court=_Court("2")))
    assert other.decision is Decision.PLACED
    assert other.held.in_place
