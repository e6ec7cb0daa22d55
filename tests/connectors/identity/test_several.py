"""Several ways to know somebody, in turn."""

from __future__ import annotations

import pytest

from connectors.door.access import Shown
from connectors.door.tokens import Entry, Tokens
from connectors.identity.several import Several
from stream.core.authority import Grant, Principal, Role
from tests.connectors.identity.issuing import Publishing, access_tokens, token

STATIC = "a" * 40
OPERATOR = Principal("operator", (Grant(Role.OPERATOR),))
TOKENS = Tokens([Entry(STATIC, OPERATOR)])


async def test_S5_1_static_tokens_and_access_tokens_are_known_side_by_side() -> None:
    both = Several(TOKENS, access_tokens())
    assert await both.of(Shown(STATIC, {})) == OPERATOR
    person = await both.of(Shown(token(), {}))
    assert person is not None
    assert person.name == "李法官"
    for stranger in (None, "", "b" * 40, "a.b.c"):
        assert await both.of(Shown(stranger, {})) is None
    assert await Several().of(Shown(STATIC, {})) is None


async def test_S5_1_a_provider_that_is_away_keeps_out_nobody_whom_others_know() -> None:
    both = Several(TOKENS, access_tokens(Publishing(None)))
    assert await both.of(Shown(STATIC, {})) == OPERATOR
    assert await both.of(Shown("b" * 40, {})) is None
    with pytest.raises(TimeoutError):
        await both.of(Shown(token(), {}))
