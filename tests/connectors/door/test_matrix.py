"""The permission matrix end to end: every route, every role, one's own and somebody else's, over real HTTP."""

from __future__ import annotations

from typing import Final

from connectors.door.app import openapi
from connectors.door.tokens import Entry, Tokens
from stream.core.authority import RIGHTS, Owner, Principal, Reach, Role
from tests.connectors.door.matrix_cases import CASES, FOREIGN, FOREIGN_HIT, NAME, OWN, OWN_HIT, Asked, Case, Facts, grant_of
from tests.connectors.door.running import Door, opened

TOKENS: Final = {role: f"{role.value}-".ljust(40, "x") for role in Role}
WHO: Final = Tokens(
    Entry(token, Principal(role.value, (grant_of(role),), NAME, machine=False)) for role, token in TOKENS.items()
)
REFUSED: Final = {401, 403, 404}


class Hits:
    """Whose the two hits of the cases are."""

    async def owner_of(self, hit_id: str) -> Owner | None:
        return {OWN_HIT: OWN, FOREIGN_HIT: FOREIGN}.get(hit_id)


def declared(operation: str, role: Role, case: Case, *, own: bool) -> int:
    """The status that the matrix asks for."""
    reach = RIGHTS[operation][role]
    if reach is Reach.NONE:
        return 403
    return case.done if own or reach is Reach.ALL else 404


def operations() -> set[str]:
    return {one["operationId"] for path in openapi()["paths"].values() for one in path.values()}


def test_S5_1_every_route_has_a_case_and_a_row() -> None:
    assert operations() == CASES.keys()
    assert operations() <= RIGHTS.keys()


async def facts_of(kafka: str, topic_prefix: str) -> Facts:
    """A door that was opened and closed leaves a chain that a checkpoint covers."""
    async with opened(kafka, topic_prefix, identities=WHO, audit_s_max=20.0) as door:
        found = await door.get("/v1/me", TOKENS[Role.AUDITOR])
        assert found.status == 200
    async with opened(kafka, topic_prefix, identities=WHO, audit_s_max=20.0) as door:
        (record,) = (await door.get("/v1/audit?operation=who_am_i", TOKENS[Role.AUDITOR])).body["items"]
    return Facts(record["writer"], record["sequence"])


async def ask(door: Door, asked: Asked, token: str | None, request_id: str) -> int:
    headers = {**asked.headers, "X-Request-Id": request_id}
    return (await door.ask(asked.method, asked.path, token, asked.content, headers)).status


async def test_S5_1_what_the_matrix_says_is_what_the_door_does_and_every_refusal_is_on_record(
    kafka: str, topic_prefix: str
) -> None:
    facts = await facts_of(kafka, topic_prefix)
    found: dict[str, int] = {}
    wanted: dict[str, int] = {}
    async with opened(kafka, topic_prefix, Hits(), identities=WHO, audit_s_max=20.0) as door:
        for operation, case in CASES.items():
            for role, token in TOKENS.items():
                for whose, asked in (("own", case.own), ("foreign", case.foreign)):
                    if asked is not None:
                        name = f"{operation}.{role.value}.{whose}"
                        wanted[name] = declared(operation, role, case, own=whose == "own")
                        found[name] = await ask(door, asked(facts), token, name)
            wanted[f"{operation}.stranger"] = 401
            found[f"{operation}.stranger"] = await ask(door, case.own(facts), None, f"{operation}.stranger")
        entries = door.audited()
    assert found == wanted
    refused = {one.request_id: (one.operation, one.status) for one in entries if one.outcome == "refused"}
    assert refused == {name: (name.split(".")[0], status) for name, status in found.items() if status in REFUSED}


async def test_S5_1_a_refusal_of_what_is_anothers_says_no_more_than_of_what_is_not(kafka: str, topic_prefix: str) -> None:
    nothing = OWN_HIT.replace("1", "9", 1)
    async with opened(kafka, topic_prefix, Hits(), identities=WHO, audit_s_max=20.0) as door:
        answers = [
            await door.post(hit, {"answer": "executed"}, TOKENS[Role.COURT_SYSTEM], **{"X-Request-Id": "r"})
            for hit in (FOREIGN_HIT, nothing)
        ]
    assert answers[0].status == 404
    assert answers[0].body == answers[1].body
