"""One case an operation of the door: a request for what is one's own, and the same for what is somebody else's.

Whoever adds a route adds its case here; a test fails where one is missing. ``OWN`` is everybody's own: of their court,
province, station and hand; ``FOREIGN`` is nobody's of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from stream.core.authority import Grant, Owner, Role

COURT, PROVINCE, STATION, NAME = "440106", "44", "440304-B-0001", "李法官"
OWN: Final = Owner(COURT, PROVINCE, STATION, NAME)
FOREIGN: Final = Owner("310101", "31", "310115-B-0001", "王法官")
OWN_HIT, FOREIGN_HIT = "1b671a64-40d5-591e-99b0-da01ff1f3341", "2b671a64-40d5-591e-99b0-da01ff1f3341"


class Facts(NamedTuple):
    """What is there before anybody asks: a record of the audit log that a checkpoint covers."""

    writer: str
    sequence: int


class Asked(NamedTuple):
    """A request."""

    method: str
    path: str
    content: Any = None
    headers: Mapping[str, str] = {}


class Case(NamedTuple):
    """How an operation is asked for, and the status of its success. ``foreign``: None where it names nothing of anybody's."""

    own: Callable[[Facts], Asked]
    foreign: Callable[[Facts], Asked] | None = None
    done: int = 200


def _get(path: str) -> Callable[[Facts], Asked]:
    return lambda _facts: Asked("GET", path)


def _confirm(hit: str) -> Callable[[Facts], Asked]:
    return lambda _facts: Asked("POST", f"/v1/hits/{hit}/confirmations", {"answer": "executed"}, {"Idempotency-Key": "k-1"})


CASES: Final[Mapping[str, Case]] = {
    "fetch_inbox": Case(_get("/v1/inbox")),
    "confirm_hit": Case(_confirm(OWN_HIT), _confirm(FOREIGN_HIT), 202),
    "search_audit": Case(_get("/v1/audit?limit=1")),
    "prove_audit": Case(lambda facts: Asked("GET", f"/v1/audit/{facts.writer}/{facts.sequence}/proof")),
    "verify_audit": Case(lambda _facts: Asked("POST", "/v1/audit/verifications", {})),
    "get_health": Case(_get("/v1/health")),
    "who_am_i": Case(_get("/v1/me")),
}


def grant_of(role: Role) -> Grant:
    """The role at everybody's own place."""
    return Grant(role, COURT, PROVINCE, STATION)
