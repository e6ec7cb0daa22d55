"""The short way of a request whose caller waits at a desk: one caller, one body, one answer.

FastAPI documents such a route like any other. What it and Starlette would do anew for each request, to find the route, to find
out what it needs, and to be ready for whatever else a route may be, is known beforehand here: a path, who calls, and a body of
one model. That was a third of a check's processor time.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.types import Receive, Scope, Send

from connectors.door.access import admitted, bearer

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ShortRoute(APIRoute):
    """A route whose function takes ``request``, ``caller`` and ``asked``, a model that stands in the body; nothing else."""

    def get_route_handler(self) -> Handler:
        answer, asked = self.endpoint, inspect.signature(self.endpoint, eval_str=True).parameters["asked"].annotation
        model: TypeAdapter[Any] = TypeAdapter(asked)

        async def handle(request: Request) -> Response:
            caller = await admitted(request, await bearer(request))
            answered: Response = await answer(request, caller, await _body(request, model))
            return answered

        return handle


class ShortWay:
    """An ASGI application before FastAPI's: it goes straight to short routes, and leaves all else to FastAPI."""

    def __init__(self, api: FastAPI, routers: Iterable[APIRouter]) -> None:
        self._api: Final = api
        self._routes: Final[dict[tuple[str, str], tuple[ShortRoute, Handler]]] = {
            (method, route.path): (route, route.get_route_handler())
            for router in routers
            for route in router.routes
            if isinstance(route, ShortRoute)
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if found is None:
            await self._api(scope, receive, send)
            return
        route, handle = found
        scope.update(app=self._api, route=route, path_params={})
        request = Request(scope, receive, send)
        try:
            response = await handle(request)
        except Exception as error:
            response = await self._said(request, error)
        await response(scope, receive, send)

    async def _said(self, request: Request, error: Exception) -> Response:
        """What FastAPI would answer. What nobody foresaw is the guard's to answer, and goes on to it."""
        for kind in type(error).__mro__:
            if kind is not Exception and (say := self._api.exception_handlers.get(kind)) is not None:
                said: Response = await say(request, error)  # type: ignore[misc]
                return said
        raise error


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
