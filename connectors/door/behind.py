"""What stands behind the door's routes."""

from __future__ import annotations

from typing import NamedTuple

from fastapi import Request

from connectors.audit.reading import AuditReading
from connectors.door.answers import Answers
from connectors.door.checks import Checks
from connectors.door.documents import Documents
from connectors.door.explanations import Explanations
from connectors.door.feeds import Feeds
from connectors.door.health import Health
from connectors.door.hit_list import HitList
from connectors.door.incidents import Desk
from connectors.door.orders import Orders
from connectors.door.pages import Pages
from connectors.door.problems import ProblemError
from connectors.door.registry import Registry
from connectors.door.rules import RulesDesk


class Behind(NamedTuple):
    """One part for each room of routes. A route takes its own part and no other.

    Without a store of documents there are neither documents nor orders.
    """

    inbox: Pages
    instructions: Pages
    answers: Answers
    audit: AuditReading
    health: Health
    checks: Checks
    hit_list: HitList
    explanations: Explanations
    incidents: Desk
    feeds: Feeds
    registry: Registry
    rules: RulesDesk
    documents: Documents | None = None
    orders: Orders | None = None


def behind(request: Request) -> Behind:
    """The parts, once the door is open."""
    parts: Behind = request.app.state.behind
    return parts


def documents_of(request: Request) -> Documents:
    """The part for documents. Raises ProblemError: ``not_offered``."""
    part = behind(request).documents
    if part is None:
        raise ProblemError("not_offered")
    return part


def orders_of(request: Request) -> Orders:
    """The part for orders. Raises ProblemError: ``not_offered``."""
    part = behind(request).orders
    if part is None:
        raise ProblemError("not_offered")
    return part
