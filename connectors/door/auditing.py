"""What a request to the door is in the audit log: who, what, which object, from where, and how it ended."""

from __future__ import annotations

from typing import Any, Final

from starlette.datastructures import Headers
from starlette.types import Scope

from connectors.door.tokens import Caller
from stream.core.audit.record import TEXT_MAX, Entry, Outcome, What, Who

SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
"""What they ask for changes nothing (RFC 9110, 9.2.1). Anything else is on record before it is done, too."""
NO_OPERATION: Final = "none"


def entry_of(scope: Scope, headers: Headers, status: int | None = None) -> Entry:
    """The entry of a request that is answered with a status, or, without one, of an operation that is about to begin.

    ``scope["state"]`` may have ``caller``, ``on_behalf_of`` and ``detail``.
    """
    state: dict[str, Any] = scope["state"]
    client = scope.get("client")
    return Entry(
        who=_who(state.get("caller"), state.get("on_behalf_of")),
        operation=getattr(scope.get("route"), "name", None) or NO_OPERATION,
        object=_object(scope),
        outcome="begun" if status is None else _outcome(status),
        status=status,
        detail=state.get("detail"),
        address=client[0] if client else None,
        user_agent=_cut(headers.get("user-agent")),
        request_id=state["request_id"],
    )


def _who(caller: Caller | None, on_behalf_of: str | None) -> Who:
    if caller is None:
        return Who(kind="stranger")
    role = "answer and fetch" if caller.inbox else "answer"
    return Who(kind="court", id=caller.court, role=role, credential=caller.credential or None, on_behalf_of=_cut(on_behalf_of))


def _object(scope: Scope) -> What | None:
    """A hit by its id; of the inbox, the court whose it is."""
    hit_id = scope.get("path_params", {}).get("hit_id")
    if hit_id is not None:
        return What(kind="hit", id=_cut(str(hit_id)) or "")
    caller: Caller | None = scope["state"].get("caller")
    if getattr(scope.get("route"), "name", None) == "inbox" and caller is not None:
        return What(kind="inbox", id=caller.court)
    return None


def _outcome(status: int) -> Outcome:
    return "done" if status < 400 else "refused" if status < 500 else "failed"


def _cut(text: str | None) -> str | None:
    return None if text is None else text[:TEXT_MAX]
