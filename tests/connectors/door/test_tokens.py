"""Tokens: who they belong to, and files that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.door.tokens import Entry, Tokens, TokensError
from stream.core.authority import Grant, Principal, Role

A, B = "a" * 40, "b" * 40


def written(folder: Path, text: str, name: str = "tokens.toml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def court(code: str, role: Role, credential: str = "") -> Principal:
    return Principal(code, (Grant(role, code),), credential=credential)


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
    assert [loaded.principal(token) for token in (A, B, "c" * 32)] == [
        court("1", Role.COURT_REPLY, "1.token"),
        court("1", Role.COURT_SYSTEM, "env:T"),
        court("2", Role.COURT_SYSTEM, "env:U"),
    ]
    for stranger in ("", A[:-1], A + "a", "王" * 40, "\udcff", "*"):
        assert loaded.principal(stranger) is None
    assert Tokens().principal("") is None


def test_a_token_may_be_of_any_role(tmp_path: Path) -> None:
    tokens = written(
        tmp_path,
        '[[token]]\nrole = "station"\nstation = "440106-B-0001"\nprovince = "44"\ntoken_env = "T"\n'
        '[[token]]\nrole = "auditor"\ntoken_env = "U"',
    )
    loaded = Tokens.load(tokens, environ={"T": A, "U": B})
    station = Grant(Role.STATION, province="44", station="440106-B-0001")
    assert loaded.principal(A) == Principal("440106-B-0001", (station,), credential="env:T")
    assert loaded.principal(B) == Principal("auditor", (Grant(Role.AUDITOR),), credential="env:U")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[token]]\ncourt = "1"', "token 1: .*exactly one of token_file and token_env"),
        ('[[token]]\ncourt = "1"\ntoken_env = "MISSING"', "token 1: token_env: MISSING is not set"),
        ('[[token]]\ncourt = "1"\ntoken_file = "none"', "token_file: none: No such file"),
        ('[[token]]\ntoken_env = "T"', "court_reply names its court"),
        ('[[token]]\nrole = "supervisor"\ntoken_env = "T"', "supervisor names its province"),
        ('[[token]]\nrole = "judge"\ntoken_env = "T"', "role: "),
        ('[[token]]\ncourt = "1"\nrole = "clerk"\ninbox = true\ntoken_env = "T"', "give one of the two"),
        ('[[token]]\ncourt = "1"\ntoken_env = "SHORT"', "a token has 32 to 256 visible ASCII characters"),
        (
            '[[token]]\ncourt = "1"\ntoken_env = "T"\n[[token]]\ncourt = "2"\ntoken_env = "T"',
            "somebody else has the same token",
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
    answers, fetches = court("1", Role.COURT_REPLY), court("1", Role.COURT_SYSTEM)
    both = Tokens(Entry(A, one) for one in (answers, fetches, answers)).principal(A)
    assert both == answers._replace(grants=answers.grants + fetches.grants)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TokensError, match=r"none\.toml: No such file"):
        Tokens.load(tmp_path / "none.toml")
