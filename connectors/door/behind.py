"""What stands behind the door's routes."""

from __future__ import annotations

from typing import NamedTuple

from fastapi import Request

from connectors.door.answers import Answers
from connectors.door.checks import Checks
from connectors.door.pages import Pages


class Behind(NamedTuple):
    """One part for each room of routes. A route takes its own part and no other."""

    inbox: Pages
    instructions: Pages
    answers: Answers
    checks: Checks


def behind(request: Request) -> Behind:
    """The parts, once the door is open."""
    parts: Behind = request.app.state.behind
    return parts
