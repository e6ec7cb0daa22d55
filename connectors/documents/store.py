"""A ``DocumentStore`` in a folder: one encrypted file a document, named by the SHA-256 of what it says.

ab/cd/abcd…    one document
new/           files that are being written; what a crash leaves there is never read
"""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Final

from connectors.documents.cipher import Cipher, CipherError, OtherKeyError
from stream.core.seals import DamagedDocumentError, MissingDocumentError, UnreadableDocumentError

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_ONLY_OWNER: Final = 0o700


class DirectoryDocuments:
    """Any number of processes may add and get at once: a document appears whole, under its name, or not at all."""

    def __init__(self, folder: Path, cipher: Cipher) -> None:
        """Makes the folder where there is none. Raises OSError."""
        self._folder, self._cipher = folder, cipher
        self._new = folder / "new"
        for needed in (folder, self._new):
            needed.mkdir(mode=_ONLY_OWNER, parents=True, exist_ok=True)

    def add(self, data: bytes) -> str:
        """As ``DocumentStore``. One that is there and damaged is replaced.

        Raises UnreadableDocumentError: it is there under another key. Raises OSError.
        """
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        with suppress(MissingDocumentError, DamagedDocumentError):
            self.get(digest)
            _sync(path.parent)  # whoever put it there may not have come that far
            return digest
        path.parent.mkdir(mode=_ONLY_OWNER, parents=True, exist_ok=True)
        written = self._new / f"{digest}.{uuid.uuid4().hex}"
        try:
            self._write(written, self._cipher.lock(data, bytes.fromhex(digest)))
            written.replace(path)
        finally:
            written.unlink(missing_ok=True)
        for folder in (path.parent, path.parent.parent, self._folder):
            _sync(folder)
        return digest

    def get(self, digest: str) -> bytes:
        """As ``DocumentStore``. Raises DocumentError, OSError."""
        check_digest(digest)
        try:
            locked = self._path(digest).read_bytes()
        except FileNotFoundError:
            raise missing(digest) from None
        return opened(self._cipher, digest, locked)

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest[2:4] / digest

    @staticmethod
    def _write(path: Path, data: bytes) -> None:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "wb") as file:  # noqa: PTH123 - of the handle, which alone says the mode
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def check_digest(digest: str) -> None:
    """Raises MissingDocumentError: it names no document of any store."""
    if not _DIGEST.fullmatch(digest):
        raise MissingDocumentError("a document's digest is 64 hexadecimal digits in lower case")


def missing(digest: str) -> MissingDocumentError:
    return MissingDocumentError(f"document {digest} is not in the store")


def opened(cipher: Cipher, digest: str, locked: bytes) -> bytes:
    """What is kept under a digest, unlocked and verified. Raises DocumentError."""
    try:
        data = cipher.unlock(locked, bytes.fromhex(digest))
    except OtherKeyError as error:
        raise UnreadableDocumentError(f"document {digest}: {error}") from None
    except CipherError as error:
        raise DamagedDocumentError(f"document {digest}: {error}") from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise DamagedDocumentError(f"document {digest}: what is kept under this digest has another")
    return data


def _sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
