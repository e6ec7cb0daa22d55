"""Preconditions of what has versions: a change names the version that it was made of (RFC 9110, 13.1)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header

from connectors.door.problems import ProblemError

HEADER_CHARACTERS_MAX = 200

IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", max_length=HEADER_CHARACTERS_MAX, description="the ETag of the version that is to be replaced"),
]
IfNoneMatch = Annotated[
    str | None, Header(alias="If-None-Match", max_length=HEADER_CHARACTERS_MAX, description="*: there must be none yet")
]


def etag_of(name: str) -> str:
    """A strong ETag. The name has no quotation mark."""
    return f'"{name}"'


def must_match(held: str | None, if_match: str | None, if_none_match: str | None) -> None:
    """Go on only if a change was made of what is held; ``held`` is its ETag, None where there is none.

    Raises:
        ProblemError: ``precondition_required``: no condition was given; ``precondition_failed``: it does not hold.
    """
    if if_match is None and if_none_match != "*":
        raise ProblemError("precondition_required")
    meant = True if if_match is None else held is not None and held in [tag.strip() for tag in if_match.split(",")]
    if not meant or (if_none_match == "*" and held is not None):
        raise ProblemError("precondition_failed")
