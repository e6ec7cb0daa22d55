"""Preconditions of what has versions: a change names the version that it was made of (RFC 9110, 13.1)."""

from __future__ import annotations

from typing import Annotated, Final, NamedTuple

from fastapi import Depends, Header

from connectors.door.problems import ProblemError

HEADER_CHARACTERS_MAX: Final = 200


class Conditions(NamedTuple):
    """What a change is made of: ``matches`` is what ``If-Match`` says, ``is_first`` that there must be none yet."""

    matches: str | None
    is_first: bool


def _conditions(
    matches: Annotated[
        str | None,
        Header(alias="If-Match", max_length=HEADER_CHARACTERS_MAX, description="the ETag of the version that is replaced"),
    ] = None,
    none_matches: Annotated[
        str | None,
        Header(alias="If-None-Match", max_length=HEADER_CHARACTERS_MAX, description="*: there must be none yet"),
    ] = None,
) -> Conditions:
    return Conditions(matches, none_matches == "*")


MadeOf = Annotated[Conditions, Depends(_conditions)]


def etag_of(name: str) -> str:
    """A strong ETag. The name has no quotation mark and no space."""
    return f'"{name}"'


def must_match(held: str | None, made_of: Conditions) -> None:
    """Go on only if a change was made of what is held; ``held`` is its ETag, None where there is none.

    Raises:
        ProblemError: ``precondition_required``: no condition was given; ``precondition_failed``: it does not hold.
    """
    if made_of.matches is None and not made_of.is_first:
        raise ProblemError("precondition_required")
    tags = None if made_of.matches is None else [tag.strip() for tag in made_of.matches.split(",")]
    if (tags is not None and held not in tags) or (made_of.is_first and held is not None):
        raise ProblemError("precondition_failed")
