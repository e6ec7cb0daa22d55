"""Documents of a series are sealed as any other is: the verifier takes each, and refuses it once a byte is another."""

import datetime as dt

import pytest

from connectors.documents.pdf import judge
from stream.core.seal_verdict import Coverage, SealReason
from synthetic.series import WIDTH, Series
from tests.connectors.documents.sealed import AT, COURT, NOW, OTHER, province, trust


@pytest.fixture(scope="module")
def series() -> Series:
    return Series(province().seal, ["合成文书"], AT)


LINES = ["ZX-440106-2026-1-01 detention_decision", "ZX-440106-2026-2-01 assistance_notice", "x" * WIDTH]


def test_each_is_another_file_that_its_court_sealed_whole(series: Series):
    made = [series.document(line) for line in LINES]
    assert len(set(made)) == len(LINES)
    for data in made:
        verdict = judge(data, COURT, trust(), NOW)
        assert (verdict.reason, verdict.signed_at, verdict.coverage) == (SealReason.SEALED, AT, Coverage.WHOLE_FILE)
        assert judge(data, OTHER, trust(), NOW).reason is SealReason.OTHER_COURT
        assert judge(data, COURT, trust(province().seal), NOW + dt.timedelta(days=1)).reason is SealReason.REVOKED


def test_one_whose_line_is_another_than_was_sealed_is_refused(series: Series):
    one, other = (line.encode("utf-16-be").hex().encode() for line in LINES[:2])
    data = series.document(LINES[0])
    assert one in data
    assert judge(data.replace(one[:76], other[:76]), COURT, trust(), NOW).reason is SealReason.ALTERED


@pytest.mark.parametrize("line", ["x" * (WIDTH + 1), "𠮷" * WIDTH])
def test_a_line_that_would_move_what_comes_after_it_is_not_taken(series: Series, line: str):
    with pytest.raises(ValueError, match="series"):
        series.document(line)
