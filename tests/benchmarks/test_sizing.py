"""The page on sizing says what follows from the results that are committed."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.sizing import PAGE, SPARE_WORKERS, Measured, measured_here, page, size

MEASURED = Measured(400_000, 2.5, 350, 1e-4, 320, 400, 30, 2, "a processor")


def test_the_page_is_the_one_that_the_results_give() -> None:
    assert PAGE.read_text("utf-8") == page(measured_here()), "run python -m benchmarks.sizing"


def test_a_day_of_known_size() -> None:
    """86.4 million a day are 1000 a second, 4000 in the busiest."""
    it = size(86.4e6, MEASURED)
    assert (it.peak_rate, it.workers, it.partitions) == (4000, 1 + SPARE_WORKERS, 4 * (1 + SPARE_WORKERS))
    assert it.cores == pytest.approx(0.01)
    assert it.log_gb == pytest.approx(86.4e6 * 350 * 9 / 1e9)
    assert it.redis_gb == pytest.approx(3.2)


@given(st.floats(1e5, 1e11), st.floats(1.1, 100))
def test_more_sightings_need_no_less_and_a_faster_worker_no_more(sightings: float, times: float) -> None:
    less, more = size(sightings, MEASURED), size(sightings * times, MEASURED)
    faster = size(sightings, dataclasses.replace(MEASURED, sightings_a_second=MEASURED.sightings_a_second * times))
    assert less.workers <= more.workers
    assert less.log_gb < more.log_gb
    assert faster.workers <= less.workers
