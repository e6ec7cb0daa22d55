"""Who may do what to whose: the permission matrix, and the one decision that is made by it (articles S5.1 and S5.2).

Deny by default: what is not in ``MATRIX`` nobody may do, and what a cell does not reach does not exist for whoever asks.

A cell says how far a role's right to an operation reaches:

    -          not at all
    case       what the handler who asks handles, in their own court
    court      what is their own court's
    province   what is of their own province, and all of the nation for one whose province is ``00``
    station    what is their own station's
    all        everything
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

NATION: Final = "00"


class Role(StrEnum):
    """What somebody is to the two platforms."""

    COURT_SYSTEM = "court_system"
    """A court's own system: a machine that fetches, answers, places, feeds and asks for its court."""
    COURT_REPLY = "court_reply"
    """A court's system that may only answer hits."""
    CLERK = "clerk"
    HANDLER = "handler"
    SUPERVISOR = "supervisor"
    """A high court's, over its province."""
    COMMAND = "command"
    """The national execution command (S3.4)."""
    POLICE = "police"
    """A police platform, or a police bureau, of one province or of the nation."""
    STATION = "station"
    """A border station, a vehicle office, or any other that acts on instructions and asks for checks."""
    REGISTRY = "registry"
    """Who runs the registries that the fast query asks."""
    AUDITOR = "auditor"
    """Reads the audit log, and no case."""
    OPERATOR = "operator"
    """Runs the engine: its health, and nothing personal."""


PLACES: Final[Mapping[Role, tuple[str, ...]]] = {
    Role.COURT_SYSTEM: ("court",),
    Role.COURT_REPLY: ("court",),
    Role.CLERK: ("court",),
    Role.HANDLER: ("court",),
    Role.SUPERVISOR: ("province",),
    Role.POLICE: ("province",),
    Role.STATION: ("station",),
}
"""Where a role must be had for its rights to reach anything. The others are had everywhere."""


class Reach(StrEnum):
    """How far a right goes, narrowest first."""

    NONE = "-"
    CASE = "case"
    STATION = "station"
    COURT = "court"
    PROVINCE = "province"
    ALL = "all"


_WIDTH: Final = {reach: width for width, reach in enumerate(Reach)}


class Grant(NamedTuple):
    """A role, and where somebody has it: what its reach asks for is set, and the rest is None."""

    role: Role
    court: str | None = None
    province: str | None = None
    station: str | None = None


class Principal(NamedTuple):
    """Whoever asks, once they have shown who they are.

    ``id`` is theirs for good: a court's code for a court's own system, an issuer's subject for a person. ``name`` is the
    name of a person as orders have it for their handler. ``credential`` names what was shown, for the audit log; never itself.
    """

    id: str
    grants: tuple[Grant, ...]
    name: str | None = None
    credential: str = ""
    machine: bool = True

    @property
    def court(self) -> str | None:
        """The court that they belong to; None for somebody of none, or of several."""
        courts = {grant.court for grant in self.grants if grant.court is not None}
        return courts.pop() if len(courts) == 1 else None

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(sorted({grant.role.value for grant in self.grants}))


class Owner(NamedTuple):
    """Whose something is, as far as that is known. What is unknown is nobody's but the nation's.

    ``handler`` is the handler's name, as an order has it; it counts only together with its court.
    """

    court: str | None = None
    province: str | None = None
    station: str | None = None
    handler: str | None = None


MATRIX: Final = """
operation              court_system court_reply clerk  handler supervisor command police   station  registry auditor operator

fetch_inbox            court        -           court  -       -          -       -        -        -        -       -
confirm_hit            court        court       court  case    -          -       -        -        -        -       -
list_hits              court        -           court  case    province   all     -        -        -        -       -
get_hit                court        -           court  case    province   all     -        -        -        -       -

put_order              court        -           court  case    -          -       -        -        -        -       -
release_order          court        -           court  case    -          -       -        -        -        -       -
get_order              court        -           court  case    province   all     -        -        -        -       -
list_orders            court        -           court  case    province   all     -        -        -        -       -
put_document           court        -           court  court   -          -       -        -        -        -       -
get_document           court        -           court  case    province   all     -        -        -        -       -

put_case               court        -           court  -       -          -       -        -        -        -       -
get_case               court        -           court  case    province   all     all      -        -        -       -
put_debtor             court        -           court  -       -          -       -        -        -        -       -
remove_debtor          court        -           court  -       -          -       -        -        -        -       -
find_debtors           court        -           court  court   province   all     all      -        -        -       -
put_judgment           court        -           court  -       -          -       -        -        -        -       -
get_judgment           court        -           court  case    province   all     all      -        -        -       -

ask_registry           court        -           court  case    -          -       -        -        -        -       -
get_registry_answer    court        -           court  case    -          -       -        -        -        -       -
get_registry_photo     court        -           court  case    -          -       -        -        -        -       -

check_vehicle          -            -           -      -       -          -       province station  -        -       -
check_exit             -            -           -      -       -          -       province station  -        -       -
list_instructions      -            -           -      -       -          -       province station  -        -       -
explain_sighting       -            -           court  case    province   all     -        -        -        -       -

open_incident          court        -           court  court   province   all     province station  all      all     all
list_incidents         court        -           court  court   province   all     province station  all      all     all
get_incident           court        -           court  court   province   all     province station  all      all     all
move_incident          court        -           court  -       province   all     province station  all      -       all

get_rules              all          -           all    all     all        all     all      all      -        all     all
get_rules_history      all          -           all    all     all        all     all      all      -        all     all
change_court_rules     -            -           -      -       province   -       -        -        -        -       -
change_police_rules    -            -           -      -       -          -       province -        -        -       -

search_audit           -            -           -      -       -          -       -        -        -        all     -
prove_audit            -            -           -      -       -          -       -        -        -        all     -
verify_audit           -            -           -      -       -          -       -        -        -        all     -

get_health             -            -           -      -       -          all     -        -        all      all     all
who_am_i               all          all         all    all     all        all     all      all      all      all     all
"""
"""Rows are operations, columns are roles. A path of the API has its operation's name, and one without a row does not open."""


def _read(text: str) -> dict[str, dict[Role, Reach]]:
    head, *rows = (line.split() for line in text.splitlines() if line.strip())
    roles = [Role(name) for name in head[1:]]
    table = {row[0]: dict(zip(roles, map(Reach, row[1:]), strict=True)) for row in rows}
    if len(table) != len(rows) or set(roles) != set(Role):
        raise AssertionError("the matrix has each operation once, and every role")
    return table


RIGHTS: Final[Mapping[str, Mapping[Role, Reach]]] = _read(MATRIX)


def reach_of(principal: Principal, operation: str) -> Reach:
    """How far the widest of their grants reaches. An operation that is not in the matrix: not at all."""
    row = RIGHTS.get(operation, {})
    reached = [row.get(grant.role, Reach.NONE) for grant in principal.grants]
    return max(reached, key=_WIDTH.__getitem__, default=Reach.NONE)


def may(principal: Principal, operation: str, owner: Owner) -> bool:
    """Whether one of their grants reaches what is ``owner``'s."""
    row = RIGHTS.get(operation, {})
    return any(_reaches(principal, grant, row.get(grant.role, Reach.NONE), owner) for grant in principal.grants)


def _reaches(principal: Principal, grant: Grant, reach: Reach, owner: Owner) -> bool:
    match reach:
        case Reach.ALL:
            return True
        case Reach.PROVINCE:
            return grant.province == NATION or _same(grant.province, owner.province)
        case Reach.COURT:
            return _same(grant.court, owner.court)
        case Reach.CASE:
            return _same(grant.court, owner.court) and _same(principal.name, owner.handler)
        case Reach.STATION:
            return _same(grant.station, owner.station)
        case Reach.NONE:
            return False


def _same(granted: str | None, owned: str | None) -> bool:
    return granted is not None and granted == owned
