"""A circuit opens after repeated failure over a time, is probed one attempt at a time, and closes; 410 is for good."""

import datetime as dt
import math

from hypothesis import given
from hypothesis import strategies as st

from stream.core.health import Circuit, Limits, Pass, State

START = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
LIMITS = Limits(failures=3, failing_s=10.0, first_s=5.0, longest_s=20.0, probe_s=10.0)
ATTEMPT = Pass(probe=False)


def at(seconds: float) -> dt.datetime:
    return START + dt.timedelta(seconds=seconds)


def opened() -> Circuit:
    """A circuit that opened at 10 s."""
    circuit = Circuit(LIMITS)
    for seconds in (0, 5, 10):
        circuit.failed(at(seconds), ATTEMPT)
    return circuit


def test_it_opens_after_enough_failures_over_enough_time() -> None:
    assert opened().state is State.OPEN
    burst = Circuit(LIMITS)
    for _ in range(50):
        burst.failed(at(0), ATTEMPT)
    assert burst.state is State.CLOSED
    few = Circuit(LIMITS)
    for seconds in (0, 60):
        few.failed(at(seconds), ATTEMPT)
    assert few.state is State.CLOSED


def test_a_success_between_starts_the_count_anew() -> None:
    circuit = Circuit(LIMITS)
    for seconds in (0, 5):
        circuit.failed(at(seconds), ATTEMPT)
    circuit.succeeded()
    for seconds in (10, 15):
        circuit.failed(at(seconds), ATTEMPT)
    assert circuit.state is State.CLOSED


def test_an_open_circuit_says_how_long_to_wait_and_admits_one_probe() -> None:
    circuit = opened()
    assert circuit.admit(at(12)) is None
    assert circuit.wait_s(at(12)) == 3.0
    assert circuit.admit(at(15)) == Pass(probe=True)
    assert circuit.state is State.HALF_OPEN
    assert circuit.admit(at(16)) is None
    assert circuit.wait_s(at(16)) == 9.0


def test_failed_probes_wait_longer_and_longer_up_to_the_longest() -> None:
    circuit, now, waits = opened(), 10.0, []
    for _ in range(5):
        wait_s = circuit.wait_s(at(now))
        assert wait_s is not None
        waits.append(wait_s)
        now += wait_s
        probe = circuit.admit(at(now))
        assert probe is not None
        circuit.failed(at(now), probe)
    assert waits == [5, 10, 20, 20, 20]


def test_a_delivered_probe_closes_it_and_the_waits_start_anew() -> None:
    circuit = opened()
    circuit.admit(at(15))
    circuit.succeeded()
    assert (circuit.state, circuit.wait_s(at(15))) == (State.CLOSED, None)
    for seconds in (20, 25, 30):
        circuit.failed(at(seconds), ATTEMPT)
    assert circuit.wait_s(at(30)) == 5.0


def test_a_probe_that_never_reports_is_given_up() -> None:
    circuit = opened()
    circuit.admit(at(15))
    assert circuit.admit(at(25)) == Pass(probe=True)


def test_an_attempt_that_began_before_the_opening_does_not_count_as_the_probe() -> None:
    circuit = opened()
    circuit.admit(at(15))
    circuit.failed(at(16), ATTEMPT)
    assert circuit.state is State.HALF_OPEN
    circuit.succeeded()
    assert circuit.state is State.CLOSED


def test_disabled_is_for_good() -> None:
    circuit = Circuit(LIMITS)
    circuit.disable(at(0))
    circuit.succeeded()
    assert circuit.state is State.DISABLED
    assert circuit.wait_s(at(1e6)) == math.inf
    assert circuit.admit(at(1e6)) is None


@given(st.lists(st.tuples(st.floats(0, 30), st.sampled_from(["begin", "deliver", "fail"])), max_size=200))
def test_of_a_circuit_that_is_not_closed_no_two_attempts_are_under_way(events: list[tuple[float, str]]) -> None:
    """Attempts that lasted as long as one may are over."""
    circuit, now = Circuit(LIMITS), 0.0
    under_way: list[tuple[float, Pass]] = []
    for step_s, event in events:
        now += step_s
        under_way = [(since, leave) for since, leave in under_way if now - since < LIMITS.probe_s]
        if event == "begin":
            leave = circuit.admit(at(now))
            if leave is not None:
                assert not leave.probe or not any(other.probe for _, other in under_way)
                under_way.append((now, leave))
        elif under_way:
            _, leave = under_way.pop(0)
            if event == "deliver":
                circuit.succeeded()
            else:
                circuit.failed(at(now), leave)
        assert circuit.state is not State.CLOSED or circuit.wait_s(at(now)) is None
