"""What is held of an order, as it is told at the door and on the command line."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from connectors.redis.leases import InForceMark
from stream.core.authority import Owner
from stream.core.lacking import Lack
from stream.core.reachability import Reach
from watchlists.index import Standing
from watchlists.order import Court, Order


class LacksOf(Protocol):
    """What orders lack, as of a moment."""

    def of(self, order: Order) -> tuple[Lack, ...]:
        """What an order lacks for a notification."""

    def handler(self, court: Court) -> tuple[Reach, ...]:
        """What is known of each endpoint of a court's handlers."""


def state_of(standing: Standing) -> str | None:
    """In one word; None: nobody placed or released it."""
    held = standing.held
    if held.court is None:
        return "released_before_placed" if held.tombstones else None
    return "released" if held.released else "in_place"


def owner_of(standing: Standing) -> Owner | None:
    """Whose an order is. Of a released one its court is held, and no longer its handler or province."""
    if standing.order is not None:
        return owner_of_order(standing.order)
    return None if standing.held.court is None else Owner(court=standing.held.court)


def owner_of_order(order: Order) -> Owner:
    return Owner(court=order.court.code, province=order.court.province, handler=order.handler.name)


def as_object(order_id: str, standing: Standing, marks: Mapping[int, InForceMark], lacks: LacksOf) -> dict[str, Any]:
    """What is told of an order, as JSON has it, and nothing of its subject.

    ``measure``, ``control``, ``handler`` (what is known of each of its endpoints) and ``lacks`` are there while it is in place.
    """
    held = standing.held
    released = {version for _, version in held.tombstones} if held.court is None else {held.version} if held.released else set()
    placed = standing.order
    return {
        "order_id": order_id,
        "state": state_of(standing),
        "version": held.version if held.court is not None else None,
        "court": held.court,
        "measure": placed.measure if placed else None,
        "control": {"from": placed.control.from_, "until": placed.control.until} if placed else None,
        "handler": list(lacks.handler(placed.court)) if placed else None,
        "lacks": list(lacks.of(placed)) if placed else None,
        "released_by": [court for court, _ in held.tombstones],
        "versions": [_version(mark, released) for _, mark in sorted(marks.items())],
    }


def in_short(order: Order) -> dict[str, Any]:
    """An order in place as a list shows it, and nothing of its subject."""
    return {
        "order_id": order.id,
        "state": "in_place",
        "version": order.version,
        "court": order.court.code,
        "measure": order.measure,
        "case_number": order.case_number,
        "handler": order.handler.name,
        "control": {"from": order.control.from_, "until": order.control.until},
    }


def _version(mark: InForceMark, released: Collection[int]) -> dict[str, Any]:
    at = "released_everywhere_at" if mark.version in released else "in_force_everywhere_at"
    return {
        "version": mark.version,
        "arrived_at": mark.arrived_at,
        at: mark.at,
        "everywhere_ms": _ms(mark.took_s),
        "in_index_ms": _ms(mark.legs.index_s) if mark.legs else None,
        "in_filters_ms": _ms(mark.legs.filters_s) if mark.legs else None,
        "slowest_worker": mark.legs.slowest if mark.legs else None,
        "last_withdrawal_at": mark.withdrawn_at,
        "last_withdrawal_ms": _ms((mark.withdrawn_at - mark.arrived_at).total_seconds()) if mark.withdrawn_at else None,
    }


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
