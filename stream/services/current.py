"""Whether a view is as far as its topic was when somebody asked: then what is acknowledged has taken effect in it.

A case that is closed grants nothing from the moment on that its closing is on the log, and a view that is being built again
never passes for a whole one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from connectors.kafka.ends import Ends
from connectors.redis.errors import ViewUnavailableError
from stream.together import Together

POLL_S: Final = 0.01
POLL_S_MAX: Final = 0.1

Positions = Callable[[str], Awaitable[Mapping[int, int]]]


class Current:
    """Waits until views have caught up. Whoever asks together shares one look at the ends."""

    def __init__(self, ends: Ends, within_s: float) -> None:
        self._within_s = within_s
        self._ends: Together[str, dict[str, dict[int, int]]] = Together(lambda topics: asyncio.to_thread(ends.of_kept, topics))

    async def with_log(self, topic: str, positions: Positions) -> None:
        """Return once the view of a topic holds all that was on the log when this was called.

        Raises:
            ViewUnavailableError: it does not catch up in time; also where Redis does not answer.
            KafkaError: Kafka does not answer.
        """
        ends = (await self._ends([topic]))[topic]
        loop = asyncio.get_running_loop()
        until, pause = loop.time() + self._within_s, POLL_S
        while True:
            stands = await positions(topic)
            if all(stands.get(partition, 0) >= end for partition, end in ends.items()):
                return
            if loop.time() > until:
                raise ViewUnavailableError("behind", f"the view of {topic} is behind its topic: is a worker running?")
            await asyncio.sleep(pause)
            pause = min(pause * 2, POLL_S_MAX)
