"""Tokens: who they belong to, and files that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.door.tokens import Caller, Tokens, TokensError

A, B = "a" * 40, "b" * 40


def written(folder: Path, text: str, name: str = "tokens.toml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_a_token_names_its_court_and_what_it_may(tmp_path: Path) -> None:
    (tmp_path / "1.token").write_text(A + "\n")
    tokens = written(
        tmp_path, '[[token]]\ncourt = "1"\ntoken_file = "1.token"\n[[token]]\ncourt = "1"\ntoken_env = "T"\ninbox = true'
    )
    endpoints = written(
        tmp_path,
        '[[endpoint]]\ncourt = "2"\nchannel = "inbox"\ntoken_env = "U"\n'
        '[[endpoint]]\ncourt = "3"\nurl = "https://court.example"\nsecret_env = "X"',
        "endpoints.toml",
    )
    loaded = Tokens.load(tokens, endpoints, environ={"T": B, "U": "c" * 32})
    assert len(loaded) == 3
    assert [loaded.caller(token) for token in (A, B, "c" * 32)] == [
        Caller("1", False, "1.token"),
        Caller("1", True, "env:T"),
        Caller("2", True, "env:U"),
    ]
    for stranger in ("", A[:-1], A + "a", "王" * 40, "\udcff", "*"):
        assert loaded.caller(stranger) is None
    assert Tokens().caller("") is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[token]]\ncourt = "1"', "token 1: .*exactly one of token_file and token_env"),
        ('[[token]]\ncourt = "1"\ntoken_env = "MISSING"', "token 1: token_env: MISSING is not set"),
        ('[[token]]\ncourt = "1"\ntoken_file = "none"', "token_file: none: No such file"),
        ('[[token]]\ntoken_env = "T"', "court: Field required"),
        ('[[token]]\ncourt = "1"\ntoken_env = "SHORT"', "a token has 32 to 256 visible ASCII characters"),
        (
            '[[token]]\ncourt = "1"\ntoken_env = "T"\n[[token]]\ncourt = "2"\ntoken_env = "T"',
            "another court has the same token",
        ),
        ('[[endpoint]]\ncourt = "*"\nchannel = "inbox"\ntoken_env = "T"', "endpoint 1: .*one court's own"),
        ('[token]\ncourt = "1"', "two brackets"),
        ("[[court]]", "only .* are known"),
        ("= 1", "Invalid"),
    ],
)
def test_a_file_that_cannot_be_used_says_which_entry_and_shows_no_token(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(TokensError, match=says) as refused:
        Tokens.load(written(tmp_path, text), environ={"T": A, "SHORT": "secret"})
    assert A not in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_token_that_is_listed_twice_may_do_what_either_says() -> None:
    assert Tokens([(A, Caller("1", False)), (A, Caller("1", True)), (A, Caller("1", False))]).caller(A) == Caller("1", True)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TokensError, match=r"none\.toml: No such file"):
        Tokens.load(tmp_path / "none.toml")
