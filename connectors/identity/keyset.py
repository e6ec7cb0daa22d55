"""A provider's published keys (JWK Set, RFC 7517), as far as the door takes them.

A key counts only if it has a name (``kid``) that no other key of the set has, is public, is there to sign, and is of a kind
that one of the allowed algorithms takes. What is no such key is passed over, for a provider may publish keys for others.

    ValueError
    └── KeySetError    not a set of keys, or too large a one
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

import jwt
import msgspec
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

SET_BYTES_MAX: Final = 1 << 18
KEYS_MAX: Final = 64
NAME_MAX: Final = 256
RSA_BITS_MIN: Final = 2048
RSA_BITS_MAX: Final = 8192
ALGORITHMS: Final[Mapping[str, tuple[str, str | None]]] = {
    "RS256": ("RSA", None),
    "PS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
}
"""Every algorithm that may be allowed, and the kind of key and the curve that it takes. None of them has a shared secret."""
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class KeySetError(ValueError):
    """What was published is no set of keys."""


class Key(NamedTuple):
    """A public key, and the algorithms that it verifies."""

    public: Any
    algorithms: frozenset[str]


class _Jwk(msgspec.Struct, frozen=True):
    """Of a JWK, what decides whether it counts."""

    kid: str
    kty: str
    crv: str | None = None
    use: str = "sig"
    key_ops: tuple[str, ...] = ("verify",)
    alg: str | None = None


def read_keys(raw: bytes, allowed: Collection[str]) -> dict[str, Key]:
    """The keys of a set that count, by name.

    Raises:
        KeySetError: it is none.
    """
    if len(raw) > SET_BYTES_MAX:
        raise KeySetError(f"a set of keys has {SET_BYTES_MAX} bytes at most")
    try:
        published = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise KeySetError("not JSON") from None
    listed = published.get("keys") if isinstance(published, dict) else None
    if not isinstance(listed, list) or len(listed) > KEYS_MAX:
        raise KeySetError(f"a set of keys lists {KEYS_MAX} keys at most")
    named = [one for one in listed if isinstance(one, dict) and isinstance(one.get("kid"), str)]
    times = Counter(one["kid"] for one in named)
    read = {one["kid"]: _read(one, allowed) for one in named if times[one["kid"]] == 1}
    return {name: key for name, key in read.items() if key is not None}


def _read(fields: dict[str, Any], allowed: Collection[str]) -> Key | None:
    try:
        jwk = msgspec.convert(fields, _Jwk)
    except msgspec.ValidationError:
        return None
    algorithms = frozenset(name for name in allowed if ALGORITHMS[name] == (jwk.kty, None if jwk.kty == "RSA" else jwk.crv))
    if jwk.alg is not None:
        algorithms &= {jwk.alg}
    if not algorithms or len(jwk.kid) > NAME_MAX or jwk.use != "sig" or "verify" not in jwk.key_ops or _PRIVATE & fields.keys():
        return None
    try:
        public = _public(jwk.kty, fields)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    if jwk.kty == "RSA" and not RSA_BITS_MIN <= public.key_size <= RSA_BITS_MAX:
        return None
    return Key(public, algorithms)


def _public(kind: str, fields: dict[str, Any]) -> Any:
    """Raises jwt.PyJWTError, ValueError, TypeError, KeyError."""
    if kind == "RSA":
        return RSAAlgorithm.from_jwk(fields)
    return ECAlgorithm.from_jwk(fields) if kind == "EC" else OKPAlgorithm.from_jwk(fields)
