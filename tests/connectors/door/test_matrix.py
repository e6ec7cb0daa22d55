"""The permission matrix end to end: every operation, every role, and things of one's own and of others', over real HTTP."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from typing import Any, Final, NamedTuple

import pytest
import pytest_asyncio

from connectors.door.app import openapi
from deploy.local.addresses import Addresses
from stream.core.audit.record import Entry
from stream.core.authority import RIGHTS, Reach, Role
from tests.connectors.door.matrix_cases import CASES, PLAIN_CASES, Asked, Case, Listed
from tests.connectors.door.matrix_things import EVERYBODY, NOTHING, REACHED
from tests.connectors.door.whole import TOKENS, Said, Whole, whole

pytestmark = pytest.mark.asyncio(loop_scope="module")
UNNAMED: Final = frozenset({401, 403})
"""Statuses of those whose request is not looked into: what its body or its query names is on no record."""


class Cell(NamedTuple):
    """One request of the matrix, and what is to come of it. ``who`` is None for a stranger."""

    name: str
    operation: str
    who: Role | None
    whose: str | None
    asked: Asked
    status: int

    @property
    def token(self) -> str | None:
        return None if self.who is None else TOKENS[self.who]

    @property
    def on_record(self) -> dict[str, Any]:
        """What the audit log is to say of it if it is refused."""
        asked = self.asked
        in_path = asked.about is not None and asked.about in asked.path.partition("?")[0].split("/")
        return {
            "operation": self.operation,
            "who": None if self.who is None else self.who.value,
            "object": asked.about if in_path or self.status not in UNNAMED else None,
            "status": self.status,
        }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(stack: Addresses, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Whole]:
    async with whole(stack, f"t{uuid.uuid4().hex[:10]}-", tmp_path_factory.mktemp("whole")) as made:
        yield made


def declared(case: Case, reach: Reach, whose: str) -> int:
    """The status that the matrix asks for."""
    if reach is Reach.NONE:
        return 403
    return case.done if whose in REACHED[reach] else case.others.get(reach, 404)


def cells(made: Whole) -> Iterator[Cell]:
    """Every role at every operation, for each owner's things; and a stranger."""
    for operation, case in CASES.items():
        for whose, things in EVERYBODY.items():
            for role in Role:
                status = declared(case, RIGHTS[operation][role], whose)
                yield Cell(f"{operation}.{role}.{whose}", operation, role, whose, case.ask(things, role), status)
        yield Cell(f"{operation}.stranger", operation, None, None, case.ask(EVERYBODY["own"], Role.CLERK), 401)
    for operation, plain in PLAIN_CASES.items():
        for role in Role:
            status = plain.done if RIGHTS[operation][role] is Reach.ALL else 403
            yield Cell(f"{operation}.{role}", operation, role, None, plain.ask(made.facts), status)
        yield Cell(f"{operation}.stranger", operation, None, None, plain.ask(made.facts), 401)


async def answers(made: Whole, asked: Sequence[Cell]) -> dict[str, Said]:
    """Everybody asks at once, each one thing after the other."""

    async def of(who: Role | None) -> dict[str, Said]:
        return {one.name: await made.ask(one.asked, one.token, one.name) for one in asked if one.who is who}

    by_asker = await asyncio.gather(*map(of, [*Role, None]))
    return {name: said for of_one in by_asker for name, said in of_one.items()}


def shown(listed: Listed, said: Said) -> set[str]:
    """Whose things a list shows."""
    ids = {str(item[listed.name]) for item in said.json[listed.items]}
    return {whose for whose, things in EVERYBODY.items() if listed.of(things) in ids}


def recorded(entry: Entry) -> dict[str, Any]:
    return {
        "operation": entry.operation,
        "who": entry.who.id,
        "object": None if entry.object is None else entry.object.id,
        "status": entry.status,
    }


async def test_S5_1_every_route_has_a_row_and_a_case_and_every_row_a_route() -> None:
    routes = Counter(one["operationId"] for path in openapi()["paths"].values() for one in path.values())
    assert set(routes.values()) == {1}
    assert routes.keys() == RIGHTS.keys() == CASES.keys() | PLAIN_CASES.keys()
    assert not CASES.keys() & PLAIN_CASES.keys()


async def test_S5_1_only_what_is_open_whole_or_not_at_all_is_nobodys() -> None:
    for operation in PLAIN_CASES:
        assert set(RIGHTS[operation].values()) <= {Reach.ALL, Reach.NONE}


async def test_S5_1_S5_2_what_the_matrix_says_is_what_the_door_does_and_every_refusal_is_on_record(here: Whole) -> None:
    asked = list(cells(here))
    of_somebodys = sum(one.who is not None and one.whose is not None for one in asked)
    assert of_somebodys == len(Role) * len(EVERYBODY) * (len(RIGHTS) - len(PLAIN_CASES))
    assert len({one.name for one in asked}) == len(asked) == of_somebodys + len(Role) * len(PLAIN_CASES) + len(RIGHTS)

    said = await answers(here, asked)
    assert {name: answer.status for name, answer in said.items()} == {one.name: one.status for one in asked}

    lists = [(one, case.listed) for one in asked if (case := CASES.get(one.operation)) and case.listed and one.status == 200]
    for one, listed in lists:
        assert one.who is not None
        reached = REACHED[RIGHTS[one.operation][one.who]]
        found = shown(listed, said[one.name])
        assert found <= reached, one.name
        assert (one.whose in found) == (one.whose in reached), one.name
    assert lists

    refused = {one.request_id: recorded(one) for one in here.door.audited() if one.outcome == "refused"}
    assert refused == {one.name: one.on_record for one in asked if one.status >= 400}


async def test_S5_1_a_list_as_wide_as_it_goes_shows_whatever_is_reached_and_nothing_else(here: Whole) -> None:
    async def found_by(role: Role, listed: Listed) -> set[str]:
        said = [await here.ask(listed.every(things), TOKENS[role], "every") for things in EVERYBODY.values()]
        assert {one.status for one in said} == {200}
        return set[str]().union(*(shown(listed, one) for one in said))

    for operation, case in CASES.items():
        if case.listed is not None:
            reached = {role: REACHED[reach] for role, reach in RIGHTS[operation].items() if reach is not Reach.NONE}
            found = await asyncio.gather(*(found_by(role, case.listed) for role in reached))
            assert dict(zip(reached, found, strict=True)) == reached, operation


async def test_S5_1_what_is_anothers_is_answered_byte_for_byte_like_what_nobody_has(here: Whole) -> None:
    async def differing(operation: str, case: Case, role: Role, unreached: Collection[str]) -> list[str]:
        nothing = await here.ask(case.ask(NOTHING, role), TOKENS[role], "same")
        theirs = {whose: await here.ask(case.ask(EVERYBODY[whose], role), TOKENS[role], "same") for whose in unreached}
        return [f"{operation}.{role}.{whose}" for whose, said in theirs.items() if said != nothing]

    compared = [
        (operation, case, role, unreached)
        for operation, case in CASES.items()
        for role, reach in RIGHTS[operation].items()
        if reach is not Reach.NONE
        if (unreached := (EVERYBODY.keys() if case.listed is None else {"foreign"}) - REACHED[reach])
    ]
    found = [await asyncio.gather(*(differing(*one) for one in compared if one[0] == operation)) for operation in CASES]
    assert [name for of_operation in found for names in of_operation for name in names] == []
    bounded = {operation for operation in CASES if set(RIGHTS[operation].values()) - {Reach.NONE, Reach.ALL}}
    assert {operation for operation, *_ in compared} == bounded
