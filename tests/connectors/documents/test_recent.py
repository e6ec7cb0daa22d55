"""A good verdict is known for a minute, on the same bytes, court and trust only; no other verdict is."""

import datetime as dt

import pytest

from connectors.documents import recent
from connectors.documents.recent import AGE_MAX, Asked, Recent
from stream.core.seal_verdict import SealReason, SealVerdict
from tests.connectors.documents.sealed import COURT, NOW, OTHER

ASKED = Asked(b"document", COURT, b"trust")
GOOD = SealVerdict(reason=SealReason.SEALED, court=COURT, signatures=1)
INSTANT = dt.timedelta(microseconds=1)


@pytest.fixture
def known() -> Recent:
    made = Recent()
    made.keep(ASKED, GOOD, NOW)
    return made


@pytest.mark.parametrize(
    ("after", "found"),
    [(dt.timedelta(), GOOD), (AGE_MAX, GOOD), (AGE_MAX + INSTANT, None), (-INSTANT, None), (dt.timedelta(days=1), None)],
)
def test_it_is_known_for_a_minute_and_not_before_it_was_given(known: Recent, after: dt.timedelta, found: SealVerdict | None):
    assert known.get(ASKED, NOW + after) == found


@pytest.mark.parametrize(
    "other", [ASKED._replace(sha256=b"other"), ASKED._replace(court=OTHER), ASKED._replace(trusted=b"other")]
)
def test_nothing_is_known_of_what_was_not_asked(known: Recent, other: Asked):
    assert known.get(other, NOW) is None


@pytest.mark.parametrize("reason", [reason for reason in SealReason if reason is not SealReason.SEALED])
def test_no_verdict_but_a_good_one_is_kept(reason: SealReason):
    made = Recent()
    made.keep(ASKED, SealVerdict(reason=reason), NOW)
    assert made.get(ASKED, NOW) is None


def test_the_oldest_is_forgotten_and_one_that_is_given_again_is_the_youngest(known: Recent, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recent, "VERDICTS_MAX", 2)
    others = [ASKED._replace(sha256=name) for name in (b"1", b"2")]
    known.keep(others[0], GOOD, NOW)
    known.keep(ASKED, GOOD, NOW)
    known.keep(others[1], GOOD, NOW)
    assert [known.get(one, NOW) for one in (ASKED, *others)] == [GOOD, None, GOOD]
