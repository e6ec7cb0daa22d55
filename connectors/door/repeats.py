"""Repeats of what was posted, told by their ``Idempotency-Key``."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Final

from connectors.door.problems import ProblemError

KEYS_MAX: Final = 10_000


class Repeats:
    """Remembers the last ``KEYS_MAX`` that came to this door; beyond those the earliest under a key counts."""

    def __init__(self) -> None:
        self._recent: Final[OrderedDict[str, bytes]] = OrderedDict()

    def refuse_another(self, key: str, content: bytes) -> None:
        """Remember what came under a key.

        Raises:
            ProblemError: ``key_reused``: something else did before.
        """
        digest = hashlib.sha256(content).digest()
        if self._recent.setdefault(key, digest) != digest:
            raise ProblemError("key_reused")
        if len(self._recent) > KEYS_MAX:
            self._recent.popitem(last=False)
