"""Provincial rules (S5.3): what counts when, whatever a version says it never widens, and a replay finds the same."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers.wire import UnreadableError
from stream.core.escalation import LEVELS
from tests.watchlists.test_policy import COVERED, NATIONAL, PAIRS
from tests.watchlists.versions import AT, version
from watchlists.overlay import Narrowing, ResponseTimes, Rules
from watchlists.policy import Allowed
from watchlists.rules import MARGIN, History, RulesVersion, judged_at, read_version

SOON, DAY = dt.timedelta(seconds=1), dt.timedelta(days=1)
MOMENTS = st.integers(-5, 30).map(lambda hours: AT + dt.timedelta(hours=hours))
# Any words that the form has, whether or not the door would let them pass.
RULES = st.builds(
    Rules,
    narrow=st.lists(
        st.builds(
            lambda pair, some, role: Narrowing(rule=pair[0], without=(pair[1],) if some else (), party_role=role),
            st.sampled_from([*COVERED, ("no-such-rule", COVERED[0][1])]),
            st.booleans(),
            st.sampled_from([None, "judgment_debtor", "preservation_defendant"]),
        ),
        max_size=3,
    ).map(tuple),
    response=st.none()
    | st.tuples(st.integers(1, 90), st.integers(1, 90)).map(
        lambda pair: ResponseTimes(urgent_minutes=min(pair), routine_minutes=max(pair))
    ),
    group_minutes=st.none() | st.integers(0, 900),
    escalation=st.none() | st.lists(st.sampled_from([*LEVELS, "president"]), max_size=6).map(tuple),
)
LOGS = st.lists(
    st.tuples(
        st.sampled_from(["44", "66"]),
        st.sampled_from(["court", "police"]),
        st.integers(1, 4),
        MOMENTS,
        st.integers(0, 3600),
        RULES,
    ),
    max_size=8,
)


def history(log: list[tuple[RulesVersion, dt.datetime]]) -> History:
    made = History(NATIONAL)
    for record, stored_at in log:
        made = made.having(record, stored_at)
    return made


def records(drawn: list[Any]) -> list[tuple[RulesVersion, dt.datetime]]:
    """As a log has them: Kafka's times never go back."""
    log, stored_at = [], AT
    for number, (province, side, given_version, effective_from, later_s, rules) in enumerate(drawn):
        stored_at += dt.timedelta(seconds=later_s)
        record = version(given_version, side, province, effective_from=effective_from, **rules.model_dump())
        log.append((record.model_copy(update={"id": str(number)}), stored_at))
    return log


@settings(deadline=None, max_examples=50)
@given(drawn=LOGS, instant=MOMENTS)
def test_S5_3_whatever_provinces_say_nothing_is_wider_longer_or_milder_than_the_nation_has_it(
    drawn: list[Any], instant: dt.datetime
) -> None:
    policy = history(records(drawn)).at(instant)
    for order, sighting in PAIRS:
        here, nation = policy.judge(order, sighting), NATIONAL.judge(order, sighting)
        if not isinstance(here, Allowed):
            continue
        assert isinstance(nation, Allowed)
        assert here.respond_within <= nation.respond_within
        assert here.group_within <= nation.group_within
        same = ("rule", "instruction", "expires_at", "response")
        assert [getattr(here, name) for name in same] == [getattr(nation, name) for name in same]
    for province in ("44", "66", None):
        chain = policy.escalation_of(province)
        assert chain == tuple(level for level in NATIONAL.escalation if level in chain)
        assert chain[-1] == NATIONAL.escalation[-1]


@settings(deadline=None, max_examples=50)
@given(drawn=LOGS, instant=MOMENTS, cut=st.integers(0, 8))
def test_S5_3_what_is_judged_now_is_judged_alike_when_the_log_has_grown(
    drawn: list[Any], instant: dt.datetime, cut: int
) -> None:
    """Whoever held everything that Kafka had at some moment knows what counts until the margin has passed."""
    log = records(drawn)
    before, later = log[:cut], log[cut:]
    known_until = (later[0][1] if later else AT + 9 * DAY) + MARGIN - SOON
    asked = min(instant, known_until)
    then, now = history(before).at(asked), history(log).at(asked)
    assert then.overlays == now.overlays
    for order, sighting in PAIRS[:8]:
        assert then.judge(order, sighting) == now.judge(order, sighting)
        assert then.version_of(order, sighting) == now.version_of(order, sighting)


@settings(deadline=None, max_examples=50)
@given(drawn=LOGS, instant=MOMENTS)
def test_S5_3_a_log_that_is_read_again_in_bytes_gives_the_same_policy(drawn: list[Any], instant: dt.datetime) -> None:
    log = records(drawn)
    read = [(read_version(record.model_dump_json(exclude_none=True).encode()), at) for record, at in log]
    assert history(read).at(instant).overlays == history(log).at(instant).overlays
    assert history([*read, *read]).at(instant).overlays == history(log).at(instant).overlays


def test_S5_3_a_version_counts_from_when_it_says_and_never_within_the_margin_of_its_arrival() -> None:
    made = history([(version(1, effective_from=AT, group_minutes=5), AT)])
    (stored,) = made.versions("44")
    assert stored.counts_from == AT + MARGIN
    assert made.counting("44", "court", AT + MARGIN - SOON) is None
    assert made.at(AT + MARGIN - SOON).version_in("44") == NATIONAL.version
    assert made.at(AT + MARGIN).version_in("44") == f"{NATIONAL.version}+44.court.1"
    later = history([(version(1, effective_from=AT + DAY), AT)])
    assert later.versions("44")[0].counts_from == AT + DAY


def test_S5_3_of_the_versions_that_have_begun_the_newest_counts() -> None:
    made = history(
        [
            (version(1, effective_from=AT, group_minutes=1), AT),
            (version(2, effective_from=AT + 9 * DAY, group_minutes=2), AT),
            (version(3, effective_from=AT + 5 * DAY, group_minutes=3), AT),
        ]
    )
    counting = {day: made.counting("44", "court", AT + day * DAY) for day in (1, 6, 10)}
    assert {day: stored and stored.version.version for day, stored in counting.items()} == {1: 1, 6: 3, 10: 3}
    newest = made.newest("44", "court")
    assert newest is not None
    assert newest.version.version == 3
    assert made.newest("44", "police") is None


def test_S5_3_a_lower_or_equal_version_changes_nothing_and_of_two_alike_the_first_counts() -> None:
    first = history([(version(2, group_minutes=5), AT)])
    assert first.having(version(2, group_minutes=9).model_copy(update={"id": "another"}), AT) is first
    assert first.having(version(1), AT) is first
    assert first.having(version(1, "police"), AT) is not first


def test_S5_3_a_hits_version_names_the_courts_side_of_its_court_and_the_police_side_of_its_station() -> None:
    made = history(
        [(version(number, side, where), AT) for where in ("44", "66") for side in ("court", "police") for number in (1, 3)]
    )
    policy = made.at(AT + 9 * DAY)
    assert policy.version_in("44") == f"{NATIONAL.version}+44.court.3+44.police.3"
    for order, sighting in PAIRS:
        wanted = f"{NATIONAL.version}+{order.court.province}.court.3+{sighting.station.province}.police.3"
        assert policy.version_of(order, sighting) == wanted


def test_S4_2_what_a_later_engine_says_more_is_carried_and_not_looked_at() -> None:
    fields = version(1, group_minutes=5).model_dump(mode="json")
    more = fields | {"later": 1, "rules": {**fields["rules"], "later": [2]}}
    read = read_version(json.dumps(more).encode())
    assert (read.model_extra, read.rules.model_extra, read.rules.group_minutes) == ({"later": 1}, {"later": [2]}, 5)


def test_what_claims_to_be_of_the_future_is_judged_by_the_rules_of_now() -> None:
    assert judged_at(AT, AT + DAY) == AT
    assert judged_at(AT + DAY, AT) == AT


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"province": "00"}, "province"),
        ({"province": "4"}, "province"),
        ({"side": "both"}, "side"),
        ({"version": 0}, "version"),
        ({"reason": ""}, "reason"),
        ({"effective_from": "2026-11-20"}, "effective_from"),
        ({"rules": {}}, "rules.narrow"),
    ],
)
def test_a_record_that_is_no_version_is_refused_by_place(changes: dict[str, Any], says: str) -> None:
    fields = version().model_dump(mode="json") | changes
    with pytest.raises(UnreadableError, match=f"invalid_rules: {says}"):
        read_version(json.dumps(fields).encode())
