"""Who asks, and whether they may: the one place where the door holds a request against the permission matrix.

Every route is behind ``admitted``: it knows who asks, and refuses an operation that no grant of theirs reaches. Whatever a
route reads or changes, it first names its owner by ``must_own``, or chooses by ``owns`` what it shows. Of a route that does
neither nothing leaves: the guard lets no good answer out that was not judged (``is_judged``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, NamedTuple, Protocol

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from connectors.door.auditing import entry_of, only_reads
from connectors.door.limits import Rates, Turns
from connectors.door.problems import ProblemError
from stream.core.audit.record import Audit
from stream.core.authority import Owner, Principal, Reach, may, reach_of


class Shown(NamedTuple):
    """What somebody shows of who they are: a bearer token, and what the transport says of them."""

    token: str | None
    scope: Mapping[str, Any]


class Identities(Protocol):
    """Knows people and machines by what they show."""

    async def of(self, shown: Shown) -> Principal | None:
        """Who that is; None for a stranger.

        Raises:
            TimeoutError: it cannot be told for the moment.
        """


class Gate(NamedTuple):
    """What admits: identities, the audit record, and how often anybody may ask."""

    identities: Identities
    audit: Audit
    rates: Rates
    strangers: Turns


bearer: Final = HTTPBearer(auto_error=False, description="a court's token, or an access token of the identity provider")


async def admitted(request: Request, token: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> Principal:
    """Who asks, if the operation is open to them. A stranger who keeps guessing is told to wait; that costs nobody else a turn.

    What changes something begins only once that it does is on the audit record.
    """
    gate: Gate = request.app.state.gate
    principal = await gate.identities.of(Shown(None if token is None else token.credentials, request.scope))
    if principal is None:
        _refuse_while(gate.strangers.wait_s(request.client.host if request.client else ""))
        raise ProblemError("unauthorized", headers={"www-authenticate": 'Bearer realm="chakong"'})
    request.state.principal = principal
    operation = operation_of(request)
    _refuse_while(gate.rates.wait_s(principal, operation))
    if reach_of(principal, operation) is Reach.NONE:
        raise ProblemError("forbidden")
    if not only_reads(request.method, operation):
        await put_on_record(request)
    request.state.admitted = True
    return principal


Admitted = Annotated[Principal, Depends(admitted)]


async def put_on_record(request: Request) -> None:
    """Return once what a request is about to do is on the audit record, with the purpose and the object that it names.

    For what changes something, or leaves the house before the request is answered.

    Raises:
        AuditUnavailableError: it may not be; then it must not be done.
    """
    gate: Gate = request.app.state.gate
    await gate.audit.write(entry_of(request.scope, request.headers))


def must_own(request: Request, owner: Owner | None) -> None:
    """Go on only if the operation reaches what is the owner's. None: there is no such thing.

    Raises:
        ProblemError: ``not_found``: it does not reach that far, which is answered like what does not exist.
    """
    if owner is None or not owns(request)(owner):
        raise ProblemError("not_found")


def owns(request: Request) -> Callable[[Owner], bool]:
    """Which owners' things the operation reaches, for a route that chooses among many."""
    principal, operation = request.state.principal, operation_of(request)
    request.state.judged = True
    return lambda owner: may(principal, operation, owner)


def is_judged(state: Mapping[str, Any], operation: str | None) -> bool:
    """Whether an answer may leave: whose things it tells of was asked, or every thing of the kind is open to them."""
    principal: Principal | None = state.get("principal")
    return principal is None or bool(state.get("judged")) or reach_of(principal, operation or "") is Reach.ALL


def operation_of(request: Request) -> str:
    """The name of the route that was chosen, which is the operation's in the matrix."""
    return str(request.scope["route"].name)


def _refuse_while(wait_s: float) -> None:
    if wait_s:
        raise ProblemError("too_many", headers={"retry-after": str(math.ceil(wait_s))})
