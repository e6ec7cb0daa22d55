"""A ``DocumentStore`` in S3-compatible object storage: one encrypted object a document, ``ab/cd/abcd…`` under a prefix.

Objects are made only where there is none (``If-None-Match: *``), and a damaged one is replaced only as it was seen
(``If-Match``): nothing that is whole is ever written over, whoever else writes. The storage sees ciphertext and digests.

    OSError
    └── StorageError    the object storage does not do what it was asked, without anything that is secret
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import obstore
from obstore import exceptions
from obstore.store import S3Store

from connectors.documents.cipher import Cipher
from connectors.documents.store import check_digest, missing, opened
from stream.core.seals import DamagedDocumentError

if TYPE_CHECKING:
    from obstore.store import S3Config

TIMEOUT: Final = dt.timedelta(seconds=20)
TRIES: Final = 3


class StorageError(OSError):
    """The object storage cannot be asked, or refuses."""


class S3Documents:
    """Any number of processes may add and get at once: an object appears whole or not at all."""

    def __init__(
        self, bucket: str, cipher: Cipher, *, region: str, endpoint: str | None, prefix: str, key_id: str, secret: str
    ) -> None:
        """``endpoint``: an https URL, or http to loopback; None: Amazon's own for the region.

        Raises StorageError: there is no such bucket, or it cannot be asked; later it would look as if documents were missing.
        """
        plain = endpoint is not None and endpoint.startswith("http:")
        config: S3Config = {
            "region": region,
            "access_key_id": key_id,
            "secret_access_key": secret,
            "conditional_put": "etag",
        }
        if endpoint is not None:
            config["endpoint"] = endpoint
        self._cipher, self._bucket = cipher, bucket
        self._store = S3Store(
            bucket,
            prefix=prefix or None,
            config=config,
            client_options={"timeout": TIMEOUT, "allow_http": plain},
            retry_config={"max_retries": TRIES, "retry_timeout": TIMEOUT},
        )
        with self._translated():
            next(iter(obstore.list(self._store, chunk_size=1)), None)

    def add(self, data: bytes) -> str:
        """As ``DocumentStore``. One that is there and damaged is replaced.

        Raises UnreadableDocumentError: it is there under another key. Raises StorageError.
        """
        digest = hashlib.sha256(data).hexdigest()
        locked = self._cipher.lock(data, bytes.fromhex(digest))
        with self._translated():
            if self._put(digest, locked, "create"):
                return digest
        found, seen = self._fetch(digest)
        try:
            opened(self._cipher, digest, found)
        except DamagedDocumentError:
            with self._translated():
                if not self._put(digest, locked, seen):
                    raise StorageError(f"document {digest} was changed by somebody else meanwhile") from None
        return digest

    def get(self, digest: str) -> bytes:
        """As ``DocumentStore``. Raises DocumentError, StorageError."""
        check_digest(digest)
        return opened(self._cipher, digest, self._fetch(digest)[0])

    def _put(self, digest: str, locked: bytes, mode: Any) -> bool:
        """Write an object under a condition; False: it does not hold."""
        try:
            obstore.put(self._store, _path(digest), locked, mode=mode, use_multipart=False)
        except (exceptions.AlreadyExistsError, exceptions.PreconditionError):
            return False
        return True

    def _fetch(self, digest: str) -> tuple[bytes, dict[str, Any]]:
        """An object, and which state of it that is."""
        with self._translated():
            try:
                found = obstore.get(self._store, _path(digest))
                state = {name: found.meta.get(name) for name in ("e_tag", "version")}
                return bytes(found.bytes()), {name: value for name, value in state.items() if value is not None}
            except (exceptions.NotFoundError, FileNotFoundError):
                raise missing(digest) from None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """What the library says may hold addresses and answers of the server: its class is told, and no more."""
        try:
            yield
        except exceptions.BaseError as error:
            raise StorageError(
                f"the object storage refuses or is away: bucket {self._bucket}: {type(error).__name__}"
            ) from None


def _path(digest: str) -> str:
    return f"{digest[:2]}/{digest[2:4]}/{digest}"
