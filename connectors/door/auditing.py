"""What a request to the door is in the audit log: who, what, which object, from where, and how it ended."""

from __future__ import annotations

from typing import Any, Final

from starlette.datastructures import Headers
from starlette.types import Scope

from stream.core.audit.record import TEXT_MAX, Entry, Outcome, What, Who
from stream.core.authority import Principal

SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
"""What they ask for changes nothing (RFC 9110, 9.2.1)."""
READS_BY_POST: Final = frozenset({"check_vehicle", "check_exit", "find_debtors", "explain_sighting"})
"""Operations that change nothing, and come by POST since what they ask for is personal and belongs in no URL."""
NO_OPERATION: Final = "none"


def only_reads(method: str, operation: str) -> bool:
    """Whether one entry, before the answer leaves, is enough. Anything else is on record before it is done, too."""
    return method in SAFE_METHODS or operation in READS_BY_POST


def entry_of(scope: Scope, headers: Headers, status: int | None = None) -> Entry:
    """The entry of a request that is answered with a status, or, without one, of an operation that is about to begin.

    ``scope["state"]`` may have ``principal``, ``on_behalf_of``, ``object`` (its kind and id), ``purpose`` and ``detail``.
    """
    state: dict[str, Any] = scope["state"]
    client = scope.get("client")
    return Entry(
        who=_who(state.get("principal"), state.get("on_behalf_of")),
        operation=getattr(scope.get("route"), "name", None) or NO_OPERATION,
        object=_object(scope),
        purpose=_cut(state.get("purpose")),
        outcome="begun" if status is None else _outcome(status),
        status=status,
        detail=state.get("detail"),
        address=client[0] if client else None,
        user_agent=_cut(headers.get("user-agent")),
        request_id=state["request_id"],
    )


def _who(principal: Principal | None, on_behalf_of: str | None) -> Who:
    if principal is None:
        return Who(kind="stranger")
    kind = "person" if not principal.machine else "court" if principal.court is not None else "machine"
    return Who(
        kind=kind,
        id=_cut(principal.id),
        role=_cut(" ".join(principal.roles)),
        credential=_cut(principal.credential) or None,
        on_behalf_of=_cut(on_behalf_of),
    )


def _object(scope: Scope) -> What | None:
    """What the route says it is about, else what the path names: ``/hits/{hit_id}`` is about a hit."""
    said: tuple[str, str] | None = scope["state"].get("object")
    if said is not None:
        return What(kind=said[0], id=_cut(said[1]) or "")
    for name, value in reversed(scope.get("path_params", {}).items()):
        return What(kind=name.removesuffix("_id"), id=_cut(str(value)) or "")
    return None


def _outcome(status: int) -> Outcome:
    return "done" if status < 400 else "refused" if status < 500 else "failed"


def _cut(text: str | None) -> str | None:
    return None if text is None else text[:TEXT_MAX]
