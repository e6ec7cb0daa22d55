"""Documents at rest: AES-256-GCM under a data key of each document's own, which is wrapped by the deployment's key.

A sealed file is ``CKD1``, 8 bytes that name the key, nonce and wrapped data key, nonce and ciphertext. The digest of the
document goes into both as additional data: a file under another's name does not open. Sources: NIST SP 800-38D; a nonce is
96 random bits, so one deployment's key may wrap 2^32 documents.

    ValueError
    └── CipherError          what does not open, and why; nothing of a key or a document
        └── OtherKeyError    it was locked with another key
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
_MAGIC: Final = b"CKD1"
_NAME_BYTES, _NONCE_BYTES, _TAG_BYTES = 8, 12, 16
_NAME: Final = len(_MAGIC)
_WRAP_NONCE: Final = _NAME + _NAME_BYTES
_WRAPPED: Final = _WRAP_NONCE + _NONCE_BYTES
_NONCE: Final = _WRAPPED + KEY_BYTES + _TAG_BYTES
_BODY: Final = _NONCE + _NONCE_BYTES


class CipherError(ValueError):
    """What does not open."""


class OtherKeyError(CipherError):
    """It was locked with another key."""


class Cipher:
    """Locks documents, and unlocks what was locked with the same key."""

    def __init__(self, key: bytes) -> None:
        """Raises ValueError: not 32 bytes."""
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key of documents has {KEY_BYTES} bytes, this one {len(key)}")
        self._key = AESGCM(key)
        self._name = hashlib.sha256(b"chakong documents" + key).digest()[:_NAME_BYTES]

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """The key that a file holds as 64 hexadecimal digits. Raises ValueError, which tells nothing of the key."""
        try:
            key = bytes.fromhex(path.read_text(encoding="ascii"))
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror}") from None
        except ValueError:
            raise ValueError(f"{path}: not {2 * KEY_BYTES} hexadecimal digits") from None
        try:
            return cls(key)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    def lock(self, data: bytes, digest: bytes) -> bytes:
        data_key = AESGCM.generate_key(8 * KEY_BYTES)
        wrap_nonce, nonce = os.urandom(_NONCE_BYTES), os.urandom(_NONCE_BYTES)
        wrapped = self._key.encrypt(wrap_nonce, data_key, _MAGIC + digest)
        return _MAGIC + self._name + wrap_nonce + wrapped + nonce + AESGCM(data_key).encrypt(nonce, data, digest)

    def unlock(self, locked: bytes, digest: bytes) -> bytes:
        """Raises CipherError."""
        if locked[:_NAME] != _MAGIC or len(locked) < _BODY + _TAG_BYTES:
            raise CipherError("it is no whole document of this store")
        if locked[_NAME:_WRAP_NONCE] != self._name:
            raise OtherKeyError("it was locked with another key")
        try:
            data_key = self._key.decrypt(locked[_WRAP_NONCE:_WRAPPED], locked[_WRAPPED:_NONCE], _MAGIC + digest)
            return AESGCM(data_key).decrypt(locked[_NONCE:_BODY], locked[_BODY:], digest)
        except InvalidTag:
            raise CipherError("it is damaged") from None
