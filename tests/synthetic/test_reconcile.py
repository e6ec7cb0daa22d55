from synthetic.reconcile import read_defects, read_truth, reconcile
from synthetic.truth import Expected, defect_line

PAIR = Expected("ZX-1", "440106-H-0001", "1", "confirmed", "call_court", "judicial_detention", "2026-11-24T08:00:00+08:00")


def hit_of(pair: Expected, **changes: str) -> dict[str, str]:
    fields = {"id": pair.hit_id, "order_id": pair.order_id, "measure": pair.measure}
    return fields | {"certainty": pair.certainty, "instruction": pair.instruction} | changes


def test_what_was_expected_and_found_is_clean() -> None:
    report = reconcile([PAIR], [hit_of(PAIR), hit_of(PAIR)])
    assert report.is_clean
    assert (report.expected, report.found, report.repeated) == (1, 1, 1)


def test_missed_false_and_wrong_are_told_apart() -> None:
    other, third = PAIR._replace(sighting_id="2"), PAIR._replace(sighting_id="3")
    report = reconcile([PAIR, other], [hit_of(PAIR, certainty="verify"), hit_of(third)])
    assert not report.is_clean
    assert (report.missed, report.false, report.wrong) == ((other.hit_id,), (third.hit_id,), (PAIR.hit_id,))
    assert str(report).startswith("expected 2, found 1, missed 1, false 1, wrong 1, repeated 0; missed: ")


def test_a_truth_file_reads_back() -> None:
    lines = [PAIR.line(), defect_line("broken_json", "sightings.hotel", 3)]
    assert reconcile(read_truth(lines), [hit_of(PAIR)]).is_clean
    assert list(read_defects(lines)) == [{"defect": "broken_json", "topic": "sightings.hotel", "line": 3}]
