"""Several ways to know somebody, asked in turn."""

from __future__ import annotations

from typing import Final

from connectors.door.access import Identities, Shown
from stream.core.authority import Principal


class Several:
    """The first that knows them says who they are. One that cannot tell for the moment ends the asking: nobody is let in by a
    guess."""

    def __init__(self, *identities: Identities) -> None:
        self._identities: Final = identities

    async def of(self, shown: Shown) -> Principal | None:
        """Raises TimeoutError."""
        for identities in self._identities:
            if (principal := await identities.of(shown)) is not None:
                return principal
        return None
