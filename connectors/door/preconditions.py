"""Conditional writes (RFC 9110, 8.8.3, 13.1): a thing with versions is changed only by whoever knows the one that is held."""

from __future__ import annotations

import re
from typing import Annotated, Final, NamedTuple

from fastapi import Depends, Header

from connectors.door.problems import ProblemError

ANYTHING: Final = "*"
HEADER_CHARACTERS_MAX: Final = 200
_TAGS: Final = re.compile(r'\s*(?:W/)?"[^"]*"\s*(?:,\s*(?:W/)?"[^"]*"\s*)*')
_TAG: Final = re.compile(r'(?:W/)?"[^"]*"')


class Conditions(NamedTuple):
    """What a change is made of: ``matches`` is what ``If-Match`` says, ``is_first`` that there must be none yet."""

    matches: str | None
    is_first: bool


def _conditions(
    matches: Annotated[
        str | None,
        Header(alias="If-Match", max_length=HEADER_CHARACTERS_MAX, description='the ETag of the version held, as in "3"'),
    ] = None,
    none_matches: Annotated[
        str | None,
        Header(alias="If-None-Match", max_length=HEADER_CHARACTERS_MAX, description="*: there must be none yet"),
    ] = None,
) -> Conditions:
    return Conditions(matches, (none_matches or "").strip() == ANYTHING)


MadeOf = Annotated[Conditions, Depends(_conditions)]


def etag(version: int | str) -> str:
    """The tag of a version. One that is a name has no quotation mark in it."""
    return f'"{version}"'


def names(header: str, version: int | str) -> bool:
    """Whether ``If-Match`` names the version. ``*`` names none: who changes a thing says what they saw of it."""
    return _TAGS.fullmatch(header) is not None and etag(version) in _TAG.findall(header)


def must_match(held: int | str | None, made_of: Conditions) -> None:
    """Go on only if a change was made of what is held. ``held``: its version; None: there is none.

    Raises:
        ProblemError: ``precondition_required``: no condition was given; ``precondition_failed``: it does not hold.
    """
    if made_of.matches is None and not made_of.is_first:
        raise ProblemError("precondition_required")
    matches = made_of.matches is None or (held is not None and names(made_of.matches, held))
    if not matches or (made_of.is_first and held is not None):
        raise ProblemError("precondition_failed")


def must_be_there(held: object | None, made_of: Conditions) -> None:
    """Go on only if a change by ``If-Match`` is of something: of what nobody has put it says no more than of what is another's.

    Raises:
        ProblemError: ``not_found``
    """
    if held is None and made_of.matches is not None:
        raise ProblemError("not_found")


def must_be_newer(held: int | None, version: int) -> None:
    """Raises ProblemError: ``stale_version``: a lower or equal version would change nothing."""
    if held is not None and version <= held:
        raise ProblemError("stale_version", held=held)
