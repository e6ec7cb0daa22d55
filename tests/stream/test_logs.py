"""Whatever is logged is one line of JSON."""

from __future__ import annotations

import datetime as dt
import json

import pytest
import structlog

from stream.logs import log_to_stderr


def test_a_line_is_json_whatever_it_holds(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.reset_defaults()
    log_to_stderr()
    try:
        structlog.get_logger("test").info("起", zh="中", at=dt.datetime(2026, 11, 24, tzinfo=dt.UTC), odd={1, 2}, other=object)
        structlog.get_logger("test").warning("cut", text="\ud800")
    finally:
        structlog.reset_defaults()
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (first["event"], first["zh"], first["level"], first["other"]) == ("起", "中", "info", "<class 'object'>")
    assert second["text"] == "\ud800"
