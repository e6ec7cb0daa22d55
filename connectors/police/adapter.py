"""What the fast query asks of a registry, whoever keeps it.

RuntimeError
└── SourceUnavailableError    a source cannot be asked now; ``reason`` tells nothing of anybody
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol


class SourceUnavailableError(RuntimeError):
    """A source cannot be asked now."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Subject(NamedTuple):
    """Whom a registry is asked about: a document in canonical form, or ``organisation_code`` and a code."""

    type: str
    number: str


class StoredPhoto(NamedTuple):
    """A photo as a registry keeps it."""

    media_type: str
    data: bytes


class RegistryAdapter(Protocol):
    """The registries of a police platform, a source a category. It decides nothing: whoever asks filters what it returns."""

    async def find(self, source: str, subject: Subject) -> Sequence[Mapping[str, Any]]:
        """The records that a source has of whoever has a document or code: none where it knows nobody by it.

        A record's fields bear the names of ``stream.core.fast_query``; ``photo`` is a reference. More fields are harmless.
        Raises SourceUnavailableError.
        """

    async def photo(self, source: str, reference: str) -> StoredPhoto | None:
        """A photo by its reference. Raises SourceUnavailableError."""
