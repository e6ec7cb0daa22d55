"""What every room of routes shares: under which version its paths stand, and the problems that it answers."""

from __future__ import annotations

from typing import Any, Final

from connectors.door.problems import KINDS, PROBLEM_TYPE, ProblemDocument

V1: Final = "/v1"
_SCHEMA: Final = {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}
_ANYWHERE: Final = ("unauthorized", "forbidden", "invalid", "too_many", "failed", "unavailable")


def problems(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """The problems of a route: those of any route, and these kinds. Kinds of one status are told together."""
    said: dict[int, list[str]] = {}
    for kind in (*_ANYWHERE, *kinds):
        words = KINDS[kind]
        said.setdefault(words.status, []).append(f"{words.zh} {words.en}")
    content = {PROBLEM_TYPE: {"schema": _SCHEMA}}
    words_of = {status: "; ".join(dict.fromkeys(texts)) for status, texts in said.items()}
    return {status: {"description": words_of[status], "content": content} for status in sorted(words_of)}
