"""What the local issuer signs, and the keys that it signs with. Keys are in memory alone: a new process has new ones."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from connectors.identity.issuer.samples import Sample

ALGORITHM: Final = "RS256"
BITS: Final = 2048
KEPT: Final = 2
"""Keys that are published: the one that signs, and the one before, whose tokens still count."""


class Signing(NamedTuple):
    """A key, and the name that its tokens give it."""

    name: str
    key: RSAPrivateKey


class TokenMaker:
    """Makes tokens of sample users for one audience."""

    def __init__(self, issuer: str, audience: str, lifetime_s: int, clock: Callable[[], dt.datetime]) -> None:
        self.issuer: Final = issuer
        self.lifetime_s: Final = lifetime_s
        self._audience, self._clock = audience, clock
        self._keys: list[Signing] = []
        self.rotate()

    def rotate(self) -> str:
        """Sign with a new key from now on. The one before stays published, the ones before that do not. Returns its name."""
        made = Signing(uuid.uuid4().hex[:16], generate_private_key(public_exponent=65_537, key_size=BITS))
        self._keys = [made, *self._keys[: KEPT - 1]]
        return made.name

    def published(self) -> dict[str, Any]:
        """The keys as a JWK Set."""
        return {"keys": [_public(key) for key in self._keys]}

    def access_token(self, sample: Sample, client: str) -> str:
        """An access token as RFC 9068 has it. A machine is its own client."""
        granted = [{name: value for name, value in grant._asdict().items() if value is not None} for grant in sample.grants]
        own = {"jti": uuid.uuid4().hex, "client_id": sample.id if sample.machine else client, "chakong_grants": granted}
        return self._signed("at+jwt", sample, self._audience, own)

    def id_token(self, sample: Sample, client: str, nonce: str | None) -> str:
        """What tells a client who has logged in."""
        return self._signed("JWT", sample, client, {} if nonce is None else {"nonce": nonce})

    def _signed(self, type_: str, sample: Sample, audience: str, more: dict[str, Any]) -> str:
        now = int(self._clock().timestamp())
        claims = {"iss": self.issuer, "sub": sample.id, "aud": audience, "iat": now, "exp": now + self.lifetime_s, **more}
        if sample.name is not None:
            claims["name"] = sample.name
        signing = self._keys[0]
        return jwt.encode(claims, signing.key, ALGORITHM, headers={"typ": type_, "kid": signing.name})


def _public(signing: Signing) -> dict[str, Any]:
    jwk: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(signing.key.public_key()))
    return {"kty": "RSA", "use": "sig", "alg": ALGORITHM, "kid": signing.name, "n": jwk["n"], "e": jwk["e"]}
