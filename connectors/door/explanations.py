"""Explanations on their way out: one replay at a time for whoever asks, few at once, and of each what they may see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Protocol

from connectors.door.hit_list import Stories
from connectors.door.problems import ProblemError
from stream.core.authority import Owner
from stream.core.explanation import restricted

AGAIN_S: Final = 10
"""When to come back while others are replayed."""


class Replays(Protocol):
    """Replays sightings."""

    async def replay(self, question: Mapping[str, Any]) -> dict[str, Any] | None:
        """A replay whole, as ``past_object`` has it; None where the log does not have the sighting.

        ``question``: ``sighting`` as it was sent, or its ``station`` and ``id``; and ``at``, an aware time or None for now.

        Raises:
            TimeoutError: it took too long, or more memory than it may.
            KafkaError: the log cannot be read.
        """


class Explanations:
    """Answers questions about sightings. Each costs seconds of a processor, so they are counted."""

    def __init__(self, replays: Replays, stories: Stories, at_once: int) -> None:
        self._replays, self._stories, self._at_once = replays, stories, at_once
        self._busy: Final[set[str]] = set()

    async def explain(self, caller: str, question: Mapping[str, Any], owns: Callable[[Owner], bool]) -> dict[str, Any] | None:
        """What the caller may see of a replay; None: nothing, or there is no such sighting.

        Raises:
            ProblemError: ``too_many``: one of theirs is under way; ``unavailable``: enough of others' are.
            TimeoutError, KafkaError: as ``Replays``. ViewUnavailableError: what was told is not known now.
        """
        with self._turn(caller):
            past = await self._replays.replay(question)
        if past is None:
            return None
        on_log = [order["hit_id"] for order in past["orders"] if order["hits"]]
        return restricted(past, owns, await self._stories.tellable(on_log), given="sighting" in question)

    @contextmanager
    def _turn(self, caller: str) -> Iterator[None]:
        again = {"retry-after": str(AGAIN_S)}
        if caller in self._busy:
            raise ProblemError("too_many", headers=again)
        if len(self._busy) >= self._at_once:
            raise ProblemError("unavailable", headers=again)
        self._busy.add(caller)
        try:
            yield
        finally:
            self._busy.discard(caller)
