"""Conditional writes (RFC 9110, 13): a thing with versions is changed only by whoever knows the version that is held."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header

from connectors.door.problems import ProblemError

IfMatch = Annotated[
    str | None, Header(alias="If-Match", max_length=200, description='the version held, as its ETag has it: "3"')
]
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match", max_length=200, description="* to put what is not there yet")]


def etag(version: int) -> str:
    """The ETag of a version."""
    return f'"{version}"'


def must_match(held: int | None, if_match: str | None, if_none_match: str | None) -> None:
    """Go on only if what is held is what the client takes it for. ``held``: its version; None: it is not there.

    Raises:
        ProblemError: ``precondition_required``: neither was given; ``precondition_failed``: it does not hold.
    """
    if if_match is None and if_none_match is None:
        raise ProblemError("precondition_required")
    if if_none_match is not None and (if_none_match.strip() != "*" or held is not None):
        raise ProblemError("precondition_failed")
    if if_match is not None and not _matches(held, if_match):
        raise ProblemError("precondition_failed")


def must_be_newer(held: int | None, version: int) -> None:
    """Raises ProblemError: ``stale_version``: a lower or equal version would change nothing."""
    if held is not None and version <= held:
        raise ProblemError("stale_version", held=held)


def _matches(held: int | None, if_match: str) -> bool:
    named = {one.strip() for one in if_match.split(",")}
    return held is not None and ("*" in named or etag(held) in named)
