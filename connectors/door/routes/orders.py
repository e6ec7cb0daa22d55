"""A court places, amends and releases its orders (令状下达、变更、解除), and sees what is held of them."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from connectors.door.access import Admitted, must_own, owns
from connectors.door.behind import orders_of
from connectors.door.documented import V1, problems, with_headers
from connectors.door.held import in_short, owner_of, owner_of_order
from connectors.door.orders import Posted
from connectors.door.preconditions import ANYTHING, etag, names
from connectors.door.problems import ProblemError
from connectors.door.routes.hits import IdempotencyKey
from matchers.wire import UnreadableError
from stream.core.authority import Reach, reach_of
from stream.core.lacking import Lack
from stream.core.reachability import Reach as Known
from watchlists.index import Standing
from watchlists.order import Measure, Order, read_order

PAGE_MAX: Final = 1000
CURSOR_CHARACTERS_MAX: Final = 256
CASE_CHARACTERS_MAX: Final = 256
_RECORD: Final = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": "schemas/order.json"}}}}
}
_JSON: Final = "application/json"
OrderId = Annotated[str, Path(min_length=1, max_length=256)]

router = APIRouter(prefix=V1)


class Sent(BaseModel):
    """The record is on the log, and takes effect from there."""

    order_id: str
    version: int
    status: Literal["accepted"] = "accepted"


class Period(BaseModel):
    """When an order is in force: from the one to before the other; null: until it is released."""

    model_config = ConfigDict(serialize_by_alias=True)

    from_: AwareDatetime = Field(alias="from")
    until: AwareDatetime | None


class VersionTold(BaseModel):
    """A version of an order, once it was in force, or released, everywhere."""

    version: int
    arrived_at: AwareDatetime
    in_force_everywhere_at: AwareDatetime | None = None
    released_everywhere_at: AwareDatetime | None = None
    everywhere_ms: int
    in_index_ms: int | None
    in_filters_ms: int | None
    slowest_worker: str | None
    last_withdrawal_at: AwareDatetime | None
    last_withdrawal_ms: int | None


class OrderTold(BaseModel):
    """What is held of an order. ``measure``, ``control``, ``handler``, ``lacks``, ``order`` are there while it is in place."""

    order_id: str
    state: Literal["in_place", "released", "released_before_placed"]
    version: int | None
    court: str | None
    measure: Measure | None
    control: Period | None
    handler: list[Known] | None = Field(description="what is known of each endpoint of the handler")
    lacks: list[Lack] | None
    released_by: list[str] = Field(description="courts that released it before anybody placed it")
    versions: list[VersionTold]
    order: dict[str, Any] | None = Field(description="its record, as it was sent")


class OrderInShort(BaseModel):
    """An order in place, and nothing of its subject."""

    order_id: str
    state: Literal["in_place"]
    version: int
    court: str
    measure: Measure
    case_number: str
    handler: str
    control: Period


class OrderPage(BaseModel):
    """Orders in place, in a sequence of the index's own. ``next`` is null at the end."""

    items: list[OrderInShort]
    next: str | None = Field(description="the cursor to come back with, also where a page was not full")


@router.put(
    "/orders/{order_id}",
    status_code=202,
    response_model=Sent,
    responses={
        **with_headers(202, "Location"),
        **problems(
            "not_found",
            "ended",
            "precondition_failed",
            "precondition_required",
            "too_large",
            "documents_refused",
            "not_offered",
        ),
    },
    summary="下达或变更 Place or amend an order",
    openapi_extra=_RECORD,
)
async def put_order(
    request: Request,
    response: Response,
    _caller: Admitted,
    order_id: OrderId,
    if_none_match: Annotated[str | None, Header(description="* to place")] = None,
    if_match: Annotated[str | None, Header(description="the version held, in quotes, to amend")] = None,
) -> Any:
    """Place an order, or amend it: 202 once the record is durable. Its documents are put first.

    Sent again as it is held already, it is answered as it was before, whatever the precondition.
    """
    orders = orders_of(request)
    raw = await request.body()
    order = _read(raw, order_id)
    request.state.detail = f"{order.action} {order.measure} version {order.version}, court {order.court.code}"
    must_own(request, owner_of_order(order))
    _ask_for_precondition(order, if_none_match, if_match)
    standing = await orders.standing(order_id)
    if (whose := owner_of(standing)) is not None:
        must_own(request, whose)
    if standing.order != order:
        _check_precondition(order, standing, if_match)
    await orders.send(order, raw, standing)
    response.headers["location"] = f"/v1/orders/{quote(order_id, safe='')}"
    return Sent(order_id=order_id, version=order.version)


@router.post(
    "/orders/{order_id}/release",
    status_code=202,
    response_model=Sent,
    responses={**with_headers(202, "Location"), **problems("not_found", "too_large", "key_reused", "not_offered")},
    summary="解除 Release an order",
)
async def release_order(
    request: Request, response: Response, _caller: Admitted, order_id: OrderId, posted: Posted, key: IdempotencyKey
) -> Any:
    """Release an order, for good: 202 once the release is durable. One that is released already is answered alike."""
    orders = orders_of(request)
    standing = await orders.standing(order_id)
    must_own(request, owner_of(standing))
    court = standing.held.court
    if court is None:  # must_own refuses it
        raise AssertionError
    version = await orders.release(order_id, court, standing, key, posted)
    request.state.detail = f"release version {version} ({posted.reason}), court {court}"
    response.headers["location"] = f"/v1/orders/{quote(order_id, safe='')}"
    return Sent(order_id=order_id, version=version)


@router.get(
    "/orders/{order_id}",
    response_model=OrderTold,
    responses={**with_headers(200, "ETag"), **problems("not_found", "not_offered")},
    summary="查看令状 See what is held of an order",
)
async def get_order(request: Request, _caller: Admitted, order_id: OrderId) -> Response:
    """What is held of an order: its record while it is in place, since when it is in force or released everywhere, and what
    it lacks. Of a released one its court, version and times are left."""
    orders = orders_of(request)
    standing = await orders.known(order_id)
    must_own(request, owner_of(standing))
    request.state.detail = f"version {standing.held.version}, court {standing.held.court}"
    told = msgspec.json.encode(await orders.told(order_id, standing))
    headers = {"etag": etag(standing.held.version), "cache-control": "no-store"}
    return Response(told, headers=headers, media_type=_JSON)


@router.get(
    "/orders", response_model=OrderPage, responses=problems("not_found", "not_offered"), summary="令状清单 List orders in place"
)
async def list_orders(
    request: Request,
    caller: Admitted,
    court: Annotated[str | None, Query(max_length=32, description="one's own court's otherwise")] = None,
    case_number: Annotated[str | None, Query(min_length=1, max_length=CASE_CHARACTERS_MAX, description="of this case")] = None,
    after: Annotated[str | None, Query(max_length=CURSOR_CHARACTERS_MAX, description="next of the last page")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
) -> Response:
    """Orders in place of a court, without their subjects."""
    orders, reached = orders_of(request), owns(request)
    whose = court or caller.court
    if whose is None:
        raise ProblemError("invalid", detail="query.court: say whose orders, since you are of no court, or of several")
    request.state.object = ("orders", whose)
    own_only = reach_of(caller, "list_orders") in (Reach.CASE, Reach.COURT)
    if own_only and whose not in {grant.court for grant in caller.grants}:
        items, following = list[Order](), None
    else:
        try:
            items, following = await orders.page(whose, case_number, after, limit, lambda one: reached(owner_of_order(one)))
        except ValueError:
            raise ProblemError("invalid", detail="query.after: no page of this list ended there") from None
    request.state.detail = f"{len(items)} orders{'' if case_number is None else ' of a case'}"
    page = {"items": [in_short(one) for one in items], "next": following}
    return Response(msgspec.json.encode(page), headers={"cache-control": "no-store"}, media_type=_JSON)


def _read(raw: bytes, order_id: str) -> Order:
    try:
        record = read_order(raw)
    except UnreadableError as error:
        raise ProblemError("invalid", detail=f"body: {error.detail}"[:1000]) from None
    if not isinstance(record, Order):
        raise ProblemError("invalid", detail="body.action: an order is released by POST to its release")
    if record.id != order_id:
        raise ProblemError("invalid", detail="body.id: it is not the id in the path")
    return record


def _ask_for_precondition(order: Order, if_none_match: str | None, if_match: str | None) -> None:
    given = if_none_match == ANYTHING if order.action == "place" else if_match is not None
    if not given:
        raise ProblemError("precondition_required")


def _check_precondition(order: Order, standing: Standing, if_match: str | None) -> None:
    held = standing.held
    if held.released or held.tombstone(order.court.code) is not None:
        raise ProblemError("ended")
    if held.court is None and order.action == "amend":
        raise ProblemError("not_found")  # as of another court's order: which ids others use is nobody's to find out
    holds = held.court is None if order.action == "place" else held.in_place and names(if_match or "", held.version)
    if not holds:
        raise ProblemError("precondition_failed")
