"""What an order lacks that a notification will need, said before there is a hit."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Final

from stream.core.escalation import Level
from stream.core.hit import Says
from stream.core.reachability import UNREACHABLE, Reach
from watchlists.order import Order

LISTING_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:chakong:orders-lacking")
PHONE_DIGITS_MIN: Final = 5
"""The shortest number that a court is called at is 12368, the courts' own."""


class Lack(StrEnum):
    """What is lacking."""

    NO_HANDLER_ENDPOINT = "no_handler_endpoint"
    """Nothing is listed where the handler is told: a hit would be undeliverable."""
    HANDLER_UNREACHABLE = "handler_unreachable"
    """Each of the handler's endpoints fails, or nobody has answered its tests."""
    NO_ESCALATION = "no_escalation"
    """No level above the handler has an endpoint: a hit that the handler does not answer would stay with nobody."""
    NO_COURT_PROVINCE = "no_court_province"
    """The order names no province of its court, so its own high court is not found."""
    NO_HANDLER_PHONE = "no_handler_phone"
    """The handler's phone has too few digits to be called by the station."""


LACKS: Final[dict[Lack, Says]] = {
    Lack.NO_HANDLER_ENDPOINT: Says(zh="承办人无通知渠道", en="nothing is listed where its handler is told"),
    Lack.HANDLER_UNREACHABLE: Says(zh="承办人联系不上", en="its handler cannot be reached"),
    Lack.NO_ESCALATION: Says(zh="无上级督办渠道", en="no level above its handler is listed"),
    Lack.NO_COURT_PROVINCE: Says(zh="未写明法院所在省份", en="it names no province of its court"),
    Lack.NO_HANDLER_PHONE: Says(zh="承办人电话无法拨打", en="its handler's phone cannot be called"),
}
"""What is lacking, in words."""

UNTOLD: Final = frozenset({Lack.NO_HANDLER_ENDPOINT, Lack.HANDLER_UNREACHABLE})
"""With these nobody who handles the order would learn of a hit."""


def lacking(order: Order, handler: Collection[Reach], chain: Sequence[Level], *, has_high_courts: bool) -> tuple[Lack, ...]:
    """What an order lacks. ``handler``: what is known of each endpoint of its court's handlers; ``chain``: the levels above.

    ``has_high_courts``: whether any high court is listed by its province.
    """
    found: list[Lack] = []
    if not handler:
        found.append(Lack.NO_HANDLER_ENDPOINT)
    elif UNREACHABLE.issuperset(handler):
        found.append(Lack.HANDLER_UNREACHABLE)
    if not chain:
        found.append(Lack.NO_ESCALATION)
    if has_high_courts and not order.court.province:
        found.append(Lack.NO_COURT_PROVINCE)
    if sum(character.isdigit() for character in order.handler.phone) < PHONE_DIGITS_MIN:
        found.append(Lack.NO_HANDLER_PHONE)
    return tuple(found)


def is_current(order: Order, at: dt.datetime) -> bool:
    """Whether a sighting from now on may still hit an order that is in place."""
    return order.control.until is None or order.control.until > at


def listing_id(court_code: str, day: str) -> str:
    """The id of a court's list of a day: made again, it is the same."""
    return str(uuid.uuid5(LISTING_NAMESPACE, f"{court_code} {day}"))
