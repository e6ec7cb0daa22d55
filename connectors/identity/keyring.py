"""The keys that are known of a provider, and for how long.

They are fetched again every ``refresh_s``, so a key that left the set stops counting within that time. A name that is not known
is asked for at once, but not more often than every ``refetch_s``, whoever makes names up. While the provider is away what is
known goes on counting, for ``away_s_max`` at most; then nobody can be told from a stranger.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Collection
from typing import Final, NamedTuple, Protocol

import structlog

from connectors.identity.keyset import Key, KeySetError, read_keys
from connectors.identity.provider import ProviderError


class Source(Protocol):
    """Where a provider publishes its keys."""

    async def fetch(self) -> bytes:
        """Raises ProviderError."""


class Times(NamedTuple):
    """How often keys are fetched, and for how long they count, in seconds."""

    refresh_s: float
    refetch_s: float
    away_s_max: float


class Keyring:
    """One provider's keys."""

    def __init__(
        self, source: Source, allowed: Collection[str], times: Times, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._source, self._allowed, self._times, self._now_s = source, allowed, times, monotonic_s
        self._keys: dict[str, Key] = {}
        self._fetched_at = self._asked_at = float("-inf")
        self._answered = False
        self._fetching: Final = asyncio.Lock()
        self._log: Final = structlog.get_logger("identity")

    async def key(self, name: str) -> Key | None:
        """The key of that name; None: the provider has none.

        Raises:
            TimeoutError: it cannot be told, for the provider is away.
        """
        key = self._known(name)
        if key is None:
            await self._ask_again()
            key = self._known(name)
        if key is None and not (self._answered and self._is_good()):
            raise TimeoutError("the identity provider is away")
        return key

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep the keys fresh for as long as this is open."""
        keeping = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeping

    async def refresh(self) -> None:
        """Fetch the keys now. Where they cannot be had, what is known stays."""
        self._asked_at = self._now_s()
        try:
            keys = read_keys(await self._source.fetch(), self._allowed)
        except (ProviderError, KeySetError) as error:
            self._answered = False
            self._log.warning("provider_keys_unavailable", detail=str(error))
            return
        if keys.keys() != self._keys.keys():
            self._log.info("provider_keys", known=len(keys))
        self._keys, self._fetched_at, self._answered = keys, self._now_s(), True

    def _known(self, name: str) -> Key | None:
        return self._keys.get(name) if self._is_good() else None

    def _is_good(self) -> bool:
        return self._now_s() - self._fetched_at <= self._times.away_s_max

    async def _ask_again(self) -> None:
        async with self._fetching:
            if self._now_s() - self._asked_at >= self._times.refetch_s:
                await self.refresh()

    async def _keep(self) -> None:
        while True:
            try:
                async with self._fetching:
                    await self.refresh()
            except Exception as error:  # the next fetch may fare better; without this there would be none
                self._log.error("provider_keys_failed", error=type(error).__name__)
            await asyncio.sleep(self._times.refresh_s if self._answered else min(self._times.refetch_s, self._times.refresh_s))
