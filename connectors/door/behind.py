"""What stands behind the door's routes."""

from __future__ import annotations

from typing import NamedTuple

from fastapi import Request

from connectors.door.answers import Answers
from connectors.door.inbox import Inbox
from connectors.door.rules import RulesDesk


class Behind(NamedTuple):
    """One part for each room of routes. A route takes its own part and no other."""

    inbox: Inbox
    answers: Answers
    rules: RulesDesk


def behind(request: Request) -> Behind:
    """The parts, once the door is open."""
    parts: Behind = request.app.state.behind
    return parts
