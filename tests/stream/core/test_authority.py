"""The permission matrix: every role, operation and owner, each as its cell says."""

from __future__ import annotations

from typing import Final

import pytest

from stream.core.authority import MATRIX, NATION, PLACES, RIGHTS, Grant, Owner, Principal, Reach, Role, may, reach_of

COURT, PROVINCE, STATION, HANDLER = "440106", "44", "440106-B-0001", "李法官"

GRANTS: Final = {
    Role.COURT_SYSTEM: Grant(Role.COURT_SYSTEM, court=COURT),
    Role.COURT_REPLY: Grant(Role.COURT_REPLY, court=COURT),
    Role.CLERK: Grant(Role.CLERK, court=COURT),
    Role.HANDLER: Grant(Role.HANDLER, court=COURT),
    Role.SUPERVISOR: Grant(Role.SUPERVISOR, province=PROVINCE),
    Role.COMMAND: Grant(Role.COMMAND),
    Role.POLICE: Grant(Role.POLICE, province=PROVINCE),
    Role.STATION: Grant(Role.STATION, province=PROVINCE, station=STATION),
    Role.REGISTRY: Grant(Role.REGISTRY),
    Role.AUDITOR: Grant(Role.AUDITOR),
    Role.OPERATOR: Grant(Role.OPERATOR),
}
OWNERS: Final = {
    "own": Owner(COURT, PROVINCE, STATION, HANDLER),
    "another handler's": Owner(COURT, PROVINCE, STATION, "王法官"),
    "another court's": Owner("440104", PROVINCE, STATION, HANDLER),
    "another province's": Owner("310101", "31", STATION, HANDLER),
    "another station's": Owner(COURT, PROVINCE, "440106-B-0002", HANDLER),
    "nobody's": Owner(),
}
REACHED: Final = {
    Reach.NONE: set(),
    Reach.CASE: {"own", "another station's"},
    Reach.COURT: {"own", "another handler's", "another station's"},
    Reach.PROVINCE: {"own", "another handler's", "another court's", "another station's"},
    Reach.STATION: {"own", "another handler's", "another court's", "another province's"},
    Reach.ALL: set(OWNERS),
}


@pytest.mark.parametrize("operation", RIGHTS)
@pytest.mark.parametrize("role", Role)
def test_every_cell_reaches_what_it_says_and_nothing_else(role: Role, operation: str) -> None:
    principal = Principal("somebody", (GRANTS[role],), name=HANDLER)
    reached = {whose for whose, owner in OWNERS.items() if may(principal, operation, owner)}
    assert reached == REACHED[RIGHTS[operation][role]]
    assert reach_of(principal, operation) is RIGHTS[operation][role]


@pytest.mark.parametrize("operation", RIGHTS)
@pytest.mark.parametrize("role", PLACES)
def test_a_role_that_is_had_nowhere_reaches_nothing_but_what_is_everybodys(role: Role, operation: str) -> None:
    nowhere = Principal("somebody", (Grant(role),), name=HANDLER)
    for owner in OWNERS.values():
        assert may(nowhere, operation, owner) is (RIGHTS[operation][role] is Reach.ALL)


def test_a_province_of_00_is_the_nation() -> None:
    nation = Principal("police", (Grant(Role.POLICE, province="00"),))
    assert all(may(nation, "check_vehicle", owner) for owner in OWNERS.values())


def test_a_handler_without_a_name_handles_nothing() -> None:
    nameless = Principal("somebody", (GRANTS[Role.HANDLER],))
    assert not may(nameless, "get_order", Owner(COURT, PROVINCE, handler=None))
    assert not may(nameless, "get_order", OWNERS["own"])


def test_two_grants_open_what_either_opens() -> None:
    both = Principal("somebody", (GRANTS[Role.AUDITOR], GRANTS[Role.CLERK]))
    assert (reach_of(both, "search_audit"), reach_of(both, "get_order")) == (Reach.ALL, Reach.COURT)
    assert (both.court, both.roles) == (COURT, ("auditor", "clerk"))


def test_what_is_not_in_the_matrix_nobody_may() -> None:
    everything = Principal("somebody", tuple(GRANTS.values()), name=HANDLER)
    assert reach_of(everything, "drop_everything") is Reach.NONE
    assert not any(may(everything, "drop_everything", owner) for owner in OWNERS.values())


def test_nobody_who_reads_the_audit_log_or_runs_the_engine_sees_a_case() -> None:
    personal = (
        "fetch_inbox",
        "get_hit",
        "get_order",
        "get_document",
        "get_case",
        "find_debtors",
        "ask_registry",
        "explain_sighting",
    )
    for role in (Role.AUDITOR, Role.OPERATOR, Role.REGISTRY):
        assert {RIGHTS[operation][role] for operation in personal} == {Reach.NONE}


def test_the_matrix_is_aligned_so_that_it_can_be_read() -> None:
    head, *rows = [line for line in MATRIX.splitlines() if line.strip()]
    starts = [start for start in range(len(head)) if head[start] != " " and (start == 0 or head[start - 1] == " ")]
    for row in rows:
        assert [row[:start].endswith(" ") and row[start] != " " for start in starts[1:]] == [True] * len(starts[1:]), row


SEEN_BY_COMMAND: Final = (
    "list_hits",
    "get_hit",
    "get_order",
    "list_orders",
    "list_incidents",
    "get_incident",
    "explain_sighting",
)


@pytest.mark.parametrize("operation", SEEN_BY_COMMAND)
def test_S3_4_the_command_sees_every_province_and_a_supervisor_their_own(operation: str) -> None:
    command = Principal("command", (GRANTS[Role.COMMAND],))
    of_province = {code: Principal(code, (Grant(Role.SUPERVISOR, province=code),)) for code in ("31", "44", "66")}
    assert not may(of_province["31"], operation, OWNERS["own"])
    for code, supervisor in of_province.items():
        theirs = Owner(f"{code}0101", code)
        assert may(command, operation, theirs)
        assert [other for other, one in of_province.items() if may(one, operation, theirs)] == [code]
        assert may(Principal("nation", (Grant(Role.SUPERVISOR, province=NATION),)), operation, theirs)
        assert may(supervisor, operation, theirs)


def test_S3_4_the_command_supervises_and_does_no_courts_work() -> None:
    courts_own = ("put_order", "release_order", "confirm_hit", "put_case", "put_debtor", "ask_registry", "fetch_inbox")
    command = Principal("command", (GRANTS[Role.COMMAND],))
    assert [one for one in courts_own if reach_of(command, one) is not Reach.NONE] == []
