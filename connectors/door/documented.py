"""What every room of routes shares: under which version its paths stand, and the problems that it answers."""

from __future__ import annotations

from typing import Any, Final

from connectors.door.problems import KINDS, PROBLEM_TYPE, ProblemDocument

V1: Final = "/v1"
_SCHEMA: Final = {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}
_EVERYWHERE: Final = "X-Request-Id"
_HEADERS: Final = {
    _EVERYWHERE: "names the request in the operator's log, and in a problem's document",
    "Content-Language": "zh or en: the language of the problem's title",
    "Retry-After": "seconds to wait before the request is sent again",
    "WWW-Authenticate": "how to show who one is",
    "ETag": "the version that is held, for If-Match",
    "Location": "the path to fetch it from",
}
_OF_STATUS: Final = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}
_ANYWHERE: Final = ("unauthorized", "forbidden", "invalid", "too_many", "failed", "unavailable")


def problems(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """The problems of a route: those of any route, and these kinds. Kinds of one status are told together."""
    said: dict[int, list[str]] = {}
    for kind in (*_ANYWHERE, *kinds):
        words = KINDS[kind]
        said.setdefault(words.status, []).append(f"{words.zh} {words.en}")
    content = {PROBLEM_TYPE: {"schema": _SCHEMA}}
    words_of = {status: "; ".join(dict.fromkeys(texts)) for status, texts in said.items()}
    return {
        status: {
            "description": words_of[status],
            "content": content,
            "headers": _headers("Content-Language", *_OF_STATUS.get(status, ())),
        }
        for status in sorted(words_of)
    }


def with_headers(status: int, *names: str) -> dict[int | str, dict[str, Any]]:
    """What a good answer of a route always has besides its body."""
    return {status: {"headers": _headers(*names)}}


def name_the_request(document: dict[str, Any]) -> None:
    """Say in an OpenAPI document that every answer names its request."""
    for path in document["paths"].values():
        for operation in path.values():
            for answer in operation["responses"].values():
                answer.setdefault("headers", {}).update(_headers(_EVERYWHERE))


def _headers(*names: str) -> dict[str, dict[str, Any]]:
    return {name: {"description": _HEADERS[name], "required": True, "schema": {"type": "string"}} for name in names}
