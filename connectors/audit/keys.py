"""Ed25519 keys of the audit log, in PEM files.

ValueError
└── AuditKeyError    the file and what is wrong with it; never a key
"""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

_OTHERS: int = 0o077


class AuditKeyError(ValueError):
    """A key cannot be used."""


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """The key that signs.

    Raises:
        AuditKeyError: it cannot be read, others can read it, or it is no Ed25519 key.
    """
    raw = _read(path)
    if path.stat().st_mode & _OTHERS:
        raise AuditKeyError(f"{path}: other users can reach this key: chmod 600 it")
    try:
        key = load_pem_private_key(raw, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise AuditKeyError(f"{path}: not an Ed25519 private key in PEM, without a password")
    return key


def read_public_key(path: Path) -> Ed25519PublicKey:
    """A key that verifies.

    Raises:
        AuditKeyError: it cannot be read, or is no Ed25519 key.
    """
    try:
        key = load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        if isinstance(error, AuditKeyError):
            raise
        raise AuditKeyError(f"{path}: not an Ed25519 public key in PEM") from None
    if not isinstance(key, Ed25519PublicKey):
        raise AuditKeyError(f"{path}: not an Ed25519 public key in PEM")
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise AuditKeyError(f"{path}: {error.strerror or error}") from None
