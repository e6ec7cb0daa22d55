"""Access tokens of an identity provider: JWTs as RFC 9068 has them, verified against the provider's published keys.

Nothing that a token's header says is trusted but the name of its key, which must be one that the provider publishes, and an
algorithm that this key takes. A token counts whole or not at all.

    Exception
    └── TokenRefusedError    a reason; nothing of the token
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, Final

import jwt
import msgspec
import structlog
from jwt.utils import base64url_decode

from connectors.door.access import Shown
from connectors.identity.grants import grants_in
from connectors.identity.keyring import Keyring
from connectors.identity.settings import OidcSettings
from stream.core.authority import Principal

NAME_MAX: Final = 64
_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_FOREIGN: Final = frozenset({"crit", "b64", "zip", "enc", "jwk", "jku", "x5u", "x5c"})
"""Members of a header that bring a key of their own, or ask for what is not done here."""
_READABLE: Final = re.compile(r"[A-Za-z0-9._:|-]{1,64}")


class Refusal(StrEnum):
    """Why a token does not count."""

    TOO_LARGE = "too_large"
    OTHER = "not_a_jwt"
    HEADER = "header"
    ALGORITHM = "algorithm"
    TYPE = "type"
    KEY_UNKNOWN = "key_unknown"
    SIGNATURE = "signature"
    CLAIMS = "claims"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    TOO_OLD = "too_old"
    BOUND = "bound_to_a_key"
    GRANTS = "grants"


class TokenRefusedError(Exception):
    """A token that does not count."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason.value)
        self.reason: Final = reason


class _Header(msgspec.Struct, frozen=True):
    alg: str
    kid: str
    typ: str


_Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e12)]


class _Claims(msgspec.Struct, frozen=True):
    """The claims that every token has (RFC 9068, 2.2). Times are seconds since 1970."""

    iss: str
    sub: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    aud: str | list[str]
    exp: _Seconds
    iat: _Seconds
    nbf: _Seconds | None = None
    client_id: str | None = None
    jti: str | None = None


class AccessTokens:
    """The people and machines that one provider vouches for; an ``Identities``."""

    def __init__(self, settings: OidcSettings, keyring: Keyring, clock: Callable[[], dt.datetime]) -> None:
        if settings.issuer is None:
            raise AssertionError("without an issuer there are no access tokens")
        self._settings, self._keyring, self._clock = settings, keyring, clock
        self._issuer: Final = settings.issuer
        self._algorithms: Final = frozenset(settings.algorithms.split())
        self._types: Final = frozenset(settings.types.lower().split())
        self._required: Final = tuple(settings.required.split())
        self._signatures: Final = jwt.PyJWS(algorithms=sorted(self._algorithms))
        self._log: Final = structlog.get_logger("identity")

    async def of(self, shown: Shown) -> Principal | None:
        """Who a token belongs to; None: it does not count.

        Raises:
            TimeoutError: it cannot be told, for the provider is away.
        """
        if shown.token is None:
            return None
        try:
            return await self.principal(shown.token)
        except TokenRefusedError as refused:
            if refused.reason is not Refusal.OTHER:
                self._log.info("token_refused", reason=refused.reason)
            return None

    async def principal(self, token: str) -> Principal:
        """Who a token belongs to.

        Raises:
            TokenRefusedError: it does not count.
            TimeoutError: it cannot be told.
        """
        fields = await self._verified(token)
        try:
            claims = msgspec.convert(fields, _Claims)
        except msgspec.ValidationError:
            raise TokenRefusedError(Refusal.CLAIMS) from None
        self._judge(claims, fields)
        try:
            grants = grants_in(fields.get(self._settings.grants_claim))
        except ValueError:
            raise TokenRefusedError(Refusal.GRANTS) from None
        name = fields.get(self._settings.name_claim)
        if name is not None and not (isinstance(name, str) and 0 < len(name) <= NAME_MAX):
            raise TokenRefusedError(Refusal.CLAIMS)
        # A client that asks for itself is its own subject (RFC 9068, 2.2): no person stands behind it.
        machine = claims.client_id == claims.sub
        return Principal(short_id(self._issuer, claims.sub), grants, name, _credential(claims), machine)

    async def _verified(self, token: str) -> dict[str, Any]:
        """The claims of a token that the provider has signed."""
        if len(token) > self._settings.token_bytes_max:
            raise TokenRefusedError(Refusal.TOO_LARGE)
        parts = _COMPACT.fullmatch(token)
        if parts is None:
            raise TokenRefusedError(Refusal.OTHER)
        header = self._header(parts[1])
        key = await self._keyring.key(header.kid)
        if key is None:
            raise TokenRefusedError(Refusal.KEY_UNKNOWN)
        if header.alg not in key.algorithms:
            raise TokenRefusedError(Refusal.ALGORITHM)
        try:
            verified = self._signatures.decode_complete(token, key.public, algorithms=[header.alg])
        except jwt.PyJWTError:
            raise TokenRefusedError(Refusal.SIGNATURE) from None
        return _object(verified["payload"], Refusal.CLAIMS)

    def _header(self, encoded: str) -> _Header:
        try:
            fields = _object(base64url_decode(encoded), Refusal.HEADER)
            header = msgspec.convert(fields, _Header)
        except (ValueError, msgspec.ValidationError):
            raise TokenRefusedError(Refusal.HEADER) from None
        if _FOREIGN & fields.keys():
            raise TokenRefusedError(Refusal.HEADER)
        if header.alg not in self._algorithms:
            raise TokenRefusedError(Refusal.ALGORITHM)
        if header.typ.lower().removeprefix("application/") not in self._types:
            raise TokenRefusedError(Refusal.TYPE)
        return header

    def _judge(self, claims: _Claims, fields: dict[str, Any]) -> None:
        """Raises TokenRefusedError."""
        now, skew = self._clock().timestamp(), self._settings.skew_s
        audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud
        if claims.iss != self._issuer:
            raise TokenRefusedError(Refusal.ISSUER)
        if self._settings.audience not in audiences:
            raise TokenRefusedError(Refusal.AUDIENCE)
        if now >= claims.exp + skew:
            raise TokenRefusedError(Refusal.EXPIRED)
        if claims.iat > now + skew or (claims.nbf is not None and claims.nbf > now + skew):
            raise TokenRefusedError(Refusal.NOT_YET)
        if now - claims.iat > self._settings.age_s_max + skew:
            raise TokenRefusedError(Refusal.TOO_OLD)
        if "cnf" in fields:  # whoever shows it must prove that they hold a key (RFC 7800), which the door cannot ask for
            raise TokenRefusedError(Refusal.BOUND)
        if not all(isinstance(fields.get(name), str) and fields[name] for name in self._required):
            raise TokenRefusedError(Refusal.CLAIMS)


def short_id(issuer: str, subject: str) -> str:
    """What somebody is called for good: their subject and which issuer's, in 100 characters at most.

    A subject that is no plain identifier, as an e-mail address is none, is told by its digest.
    """
    which = hashlib.sha256(issuer.encode()).hexdigest()[:8]
    plain = subject if _READABLE.fullmatch(subject) else "~" + _digest(subject)
    return f"{plain}@{which}"


def _credential(claims: _Claims) -> str:
    """The token by its id, so that one that was stolen can be traced; the id opens nothing."""
    return f"oidc:{claims.jti}" if claims.jti is not None and _READABLE.fullmatch(claims.jti) else "oidc"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _object(raw: bytes, otherwise: Refusal) -> dict[str, Any]:
    try:
        fields = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise TokenRefusedError(otherwise) from None
    if not isinstance(fields, dict):
        raise TokenRefusedError(otherwise)
    return fields
