"""Ports are free when they are handed out, and only a lost port is changed."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from deploy.local import ports
from deploy.local.ports import LOOPBACK, free_port, is_free
from deploy.local.state import State


@pytest.fixture
def taken() -> Iterator[int]:
    with closing(socket.socket()) as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_somebody_listens_on_is_not_free(taken: int) -> None:
    assert not is_free(taken)


def test_a_taken_port_is_passed_over(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    other = free_port()
    offers = iter([taken, taken, other])
    monkeypatch.setattr(ports.random, "randrange", lambda *_: next(offers))
    assert free_port() == other


def test_it_gives_up_in_bounded_time(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports.random, "randrange", lambda *_: taken)
    with pytest.raises(OSError, match="no free port"):
        free_port()


def test_only_the_lost_port_of_a_server_that_is_down_is_changed(taken: int) -> None:
    free = State.fresh("processes")
    state = State("processes", taken, free.controller_port, taken)
    moved = state.moved(kafka_runs=False, redis_runs=True)
    assert moved.kafka_port != taken
    assert moved.controller_port == free.controller_port
    assert moved.redis_port == taken
    assert len({moved.kafka_port, moved.controller_port, moved.redis_port}) == 3


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"origin": "processes", "kafka_port": "x"}'])
def test_a_damaged_state_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "stack.json"
    path.write_text(text)
    assert State.load(path) is None


def test_a_state_is_read_back_as_saved(tmp_path: Path) -> None:
    state = State.fresh("docker")
    state.save(tmp_path / "new" / "stack.json")
    assert State.load(tmp_path / "new" / "stack.json") == state
