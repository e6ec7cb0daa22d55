"""Documents as they lie in a folder, before any is kept."""

from __future__ import annotations

import hashlib
from pathlib import Path

from stream.core.seals import MissingDocumentError


class FolderDocuments:
    """The files of one folder by their SHA-256; folders within it are not looked at.

    A file larger than ``bytes_max`` is read that far and one byte more, and so has no digest that an order could list.
    """

    def __init__(self, folder: Path, bytes_max: int) -> None:
        """Raises OSError: a file cannot be read."""
        self._bytes_max = bytes_max
        self._paths = {
            hashlib.sha256(self._read(path)).hexdigest(): path for path in sorted(folder.iterdir()) if path.is_file()
        }

    def get(self, digest: str) -> bytes:
        """As ``DocumentStore``. Raises MissingDocumentError, OSError."""
        path = self._paths.get(digest)
        data = None if path is None else self._read(path)
        if data is None or hashlib.sha256(data).hexdigest() != digest:  # it may have changed since
            raise MissingDocumentError(f"document {digest} is not in the folder")
        return data

    def _read(self, path: Path) -> bytes:
        with path.open("rb") as file:
            return file.read(self._bytes_max + 1)
