"""What a person reads of a replay in a terminal."""

from __future__ import annotations

import dataclasses

import pytest

from stream.core.replay import Agreement, Finding
from stream.explained import print_past
from tests.stream.core.test_explanation import DETAINED, NO_EXIT, STAY, past_of
from tests.stream.core.test_replay import PASSPORTS
from tests.watchlists import orders


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "240")


def test_each_order_is_told_with_its_steps_and_what_the_log_says(capsys: pytest.CaptureFixture[str]) -> None:
    print_past(past_of(STAY, DETAINED, NO_EXIT, orders.release("OURS", 2).raw))
    shown = capsys.readouterr().out
    words = ("已解除 released", "曾为命中，此刻已不再是", "no policy rule lets this pair hit", "日志 on the log", "实时 live")
    for said in (*words, PASSPORTS[0], "日志与重演一致"):
        assert said in shown


def test_what_is_wrong_or_unknown_is_said_plainly(capsys: pytest.CaptureFixture[str]) -> None:
    past = past_of(STAY, DETAINED)
    wrong = dataclasses.replace(past.orders[0], finding=Finding(Agreement.DIFFERS, ("instruction", "rule")))
    print_past(dataclasses.replace(past, orders=[wrong], whole=False, times_known=False))
    shown = capsys.readouterr().out
    assert "The log and the replay differ (instruction, rule)." in shown
    assert "has lost its beginning" in shown
    assert "Redis does not answer" in shown


def test_a_sighting_that_no_order_is_about(capsys: pytest.CaptureFixture[str]) -> None:
    print_past(past_of(STAY))
    assert "No order holds any of these keys: no hit." in capsys.readouterr().out
