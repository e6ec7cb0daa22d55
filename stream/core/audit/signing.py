"""Ed25519 (RFC 8032) over audit records. The message is a prefix of the log's own and the record's canonical bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stream.core.audit.canonical import canonical, written

_PREFIX: Final = b"chakong audit record v1\n"


def key_name(key: Ed25519PublicKey) -> str:
    """The name that records give their key."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


class Signer:
    """Signs records. The key is never shown."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key: Final = key
        self.key: Final = key_name(key.public_key())

    def __repr__(self) -> str:
        return f"Signer({self.key})"

    def public_key(self) -> Ed25519PublicKey:
        return self._key.public_key()

    def signed(self, record: dict[str, Any]) -> bytes:
        """The record as it is stored: with ``key`` and ``signature``, in canonical bytes.

        Raises:
            ValueError: it has no canonical bytes.
        """
        named = {**record, "key": self.key}
        signature = self._key.sign(_PREFIX + canonical(named)).hex()
        return written({**named, "signature": signature})


class Keys:
    """The public keys that records may be signed with, by name."""

    def __init__(self, keys: Iterable[Ed25519PublicKey]) -> None:
        self._keys: Final = {key_name(key): key for key in keys}

    def __contains__(self, name: str) -> bool:
        return name in self._keys

    def signed(self, raw: bytes, fields: dict[str, Any]) -> bool:
        """Whether a stored record, and its bytes as they are, were signed with one of the keys. ``fields``: what they say."""
        unsigned = {name: value for name, value in fields.items() if name != "signature"}
        key, signature = self._keys.get(str(fields.get("key"))), fields.get("signature")
        try:
            if key is None or not isinstance(signature, str) or canonical(fields) != raw:
                return False
            key.verify(bytes.fromhex(signature), _PREFIX + canonical(unsigned))
        except (ValueError, InvalidSignature):
            return False
        return True
