"""``chakong issuer`` refuses to be more than a toy, and ``chakong token`` says where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from stream.cli import main
from stream.commands import token


@pytest.mark.parametrize("mode", ["production", " Production "])
def test_S5_1_the_issuer_does_not_start_in_production(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAKONG_MODE", mode)
    ended = CliRunner().invoke(main, ["issuer"])
    assert (ended.exit_code, "CHAKONG_MODE=production" in ended.stderr) == (2, True)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "id.court.example"])
def test_S5_1_the_issuer_does_not_listen_beyond_loopback(host: str) -> None:
    ended = CliRunner().invoke(main, ["issuer", "--host", host])
    assert (ended.exit_code, "loopback only" in ended.stderr) == (2, True)


def test_S5_1_without_an_issuer_there_is_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token, "project_root", lambda: tmp_path)
    ended = CliRunner().invoke(main, ["token", "handler"])
    assert (ended.exit_code, "chakong up" in ended.stderr) == (1, True)
    assert CliRunner().invoke(main, ["token"]).exit_code == 2
