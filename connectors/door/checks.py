"""What answers the checks of desks that wait."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from matchers.sighting import Sighting
from stream.core.check import Check, Checked


class Found(NamedTuple):
    """The answer to a check, and the check as the sighting that it is."""

    answer: Checked
    sighting: Sighting


class Checks(Protocol):
    """Finds what an index that can be relied on holds against a check, and makes a sighting of one that found something."""

    async def find(self, check: Check) -> Found:
        """The answer. Nothing is kept of it.

        Raises:
            CheckError: what is asked makes no sense now.
            CannotSayError: there is no index that can be relied on.
        """

    async def keep(self, found: Found) -> None:
        """Return once the sighting is durable on its topic: from there it hits as any other does.

        Raises:
            NotDurableError, TimeoutError: it may not be; a repeat of the check is harmless.
        """
