"""Signing as Standard Webhooks ask: HMAC-SHA256 over ``id.timestamp.body``, with a secret of ``whsec_`` and base64."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final

SECRET_PREFIX: Final = "whsec_"  # a marker, no secret  # noqa: S105
SECRET_BYTES_MIN: Final = 24
SECRET_BYTES_MAX: Final = 64


def secret_key(secret: str) -> bytes:
    """The key in a ``whsec_…`` secret, which may lack its base64 padding.

    Raises:
        ValueError: no such secret; the message does not repeat it.
    """
    encoded = secret.removeprefix(SECRET_PREFIX)
    if encoded == secret:
        raise ValueError(f"a secret starts with {SECRET_PREFIX}")
    encoded = encoded.rstrip("=")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        raise ValueError(f"what follows {SECRET_PREFIX} is not base64") from None
    if not SECRET_BYTES_MIN <= len(key) <= SECRET_BYTES_MAX:
        raise ValueError(f"a secret has {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes, this one has {len(key)}")
    return key


def new_secret(key: bytes) -> str:
    """The ``whsec_…`` form of a key."""
    return SECRET_PREFIX + base64.b64encode(key).decode("ascii")


def signed_headers(key: bytes, event_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The three headers of a signed notification. ``timestamp_s`` is the time of this attempt in Unix seconds."""
    signed = hmac.digest(key, f"{event_id}.{timestamp_s}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": f"v1,{base64.b64encode(signed).decode('ascii')}",
    }
