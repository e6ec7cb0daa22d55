"""The short way of a request whose caller waits at a desk: one caller, one body, one answer.

FastAPI documents such a route like any other. What it would do anew for each request, to find out what the route needs and to
gather that, is known beforehand here: who calls, and a body of one model. That was a fifth of a check's processor time.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError

from connectors.door.access import admitted, bearer


class ShortRoute(APIRoute):
    """A route whose function takes ``request``, ``caller`` and ``asked``, a model that stands in the body; nothing else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer, asked = self.endpoint, inspect.signature(self.endpoint, eval_str=True).parameters["asked"].annotation
        model: TypeAdapter[Any] = TypeAdapter(asked)

        async def handle(request: Request) -> Response:
            caller = await admitted(request, await bearer(request))
            answered: Response = await answer(request, caller, await _body(request, model))
            return answered

        return handle


async def _body(request: Request, model: TypeAdapter[Any]) -> Any:
    """Raises RequestValidationError: it is not JSON, or not the model."""
    if not _is_json(request.headers.get("content-type", "")):
        raise RequestValidationError([_wrong("content_type", (), "it must be sent as application/json")])
    try:
        return model.validate_json(await request.body())
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError([_wrong(item["type"], item["loc"], item["msg"]) for item in found]) from None


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _wrong(type_: str, place: tuple[int | str, ...], says: str) -> dict[str, Any]:
    return {"type": type_, "loc": ("body", *place), "msg": says}
