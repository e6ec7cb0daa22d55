"""Machines by their client certificates, as a TOML file lists them.

    [[certificate]]
    sha256 = "3f0c…"                  # the certificate's fingerprint, 64 hexadecimal digits; colons may stand between
    role = "court_system"
    court = "440106"

    [[certificate]]
    organization_identifier = "NTRCN-11440000"   # or every certificate of this organization (OID 2.5.4.97)
    role = "police"
    province = "44"

A certificate comes from TLS itself, which has checked that one of the deployment's authorities issued it, or from a proxy that
the deployment trusts, which has done so, in the header Client-Cert (RFC 9440). The same header from anybody else says nothing.

    ValueError
    └── CertificatesError    file, entry, and what is wrong with it
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import ipaddress
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from pydantic import AfterValidator, ConfigDict, Field, ValidationError, model_validator
from starlette.datastructures import Headers

from connectors.door.access import Shown
from connectors.identity.grants import Placed, name_of
from connectors.identity.peer import PEER, TLS
from matchers.wire import NonEmpty, reason
from stream.core.authority import Grant, Principal, Role

HEADER: Final = "client-cert"
HEADER_MAX: Final = 16_384
ORGANIZATION_IDENTIFIER: Final = x509.ObjectIdentifier("2.5.4.97")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_BINARY: Final = re.compile(r":([A-Za-z0-9+/]+={0,2}):")


class CertificatesError(ValueError):
    """The list of certificates cannot be used."""


class Entry(NamedTuple):
    """By what a certificate is known, and whose it is."""

    known_by: str
    principal: Principal


class Certificates:
    """The machines of a deployment by their certificates; an ``Identities``.

    A token speaks louder: whoever shows one is who the token says, or a stranger.
    """

    def __init__(self, entries: Iterable[Entry], proxies: Iterable[str], clock: Callable[[], dt.datetime]) -> None:
        self._proxies: Final = frozenset(map(_plain, proxies))
        self._clock = clock
        self._principals: Final[dict[str, Principal]] = {}
        for known_by, principal in entries:
            known = self._principals.setdefault(known_by, principal)
            if known.id != principal.id:
                raise CertificatesError(f"{principal.id}: somebody else has the same certificate")
            grants = tuple(dict.fromkeys((*known.grants, *principal.grants)))
            self._principals[known_by] = known._replace(grants=grants)

    async def of(self, shown: Shown) -> Principal | None:
        if shown.token is not None:
            return None
        certificate = self._certificate(shown.scope)
        return None if certificate is None else self._principal(certificate)

    def _certificate(self, scope: Mapping[str, Any]) -> x509.Certificate | None:
        extensions: Mapping[str, Any] = scope.get("extensions") or {}
        chain = (extensions.get(TLS) or {}).get("client_cert_chain")
        peer = (extensions.get(PEER) or {}).get("address")
        try:
            if chain:
                return x509.load_pem_x509_certificate(chain[0].encode())
            if peer is not None and _plain(peer) in self._proxies:
                return _forwarded(Headers(raw=list(scope["headers"])).getlist(HEADER))
        except ValueError:
            return None
        return None

    def _principal(self, certificate: x509.Certificate) -> Principal | None:
        if not certificate.not_valid_before_utc <= self._clock() <= certificate.not_valid_after_utc:
            return None
        fingerprint = certificate.fingerprint(SHA256()).hex()
        known = self._principals.get(fingerprint)
        if known is None:
            try:
                named = certificate.subject.get_attributes_for_oid(ORGANIZATION_IDENTIFIER)
            except ValueError:
                return None
            known = self._principals.get(_organization(str(named[0].value))) if len(named) == 1 else None
        return None if known is None else known._replace(credential=f"sha256:{fingerprint[:16]}")

    def __len__(self) -> int:
        return len(self._principals)

    @classmethod
    def load(cls, path: Path, proxies: Iterable[str], clock: Callable[[], dt.datetime]) -> Certificates:
        """Raises CertificatesError: the file or one of its entries cannot be used."""
        return cls(_listed(path), proxies, clock)


def _hexadecimal(text: str) -> str:
    plain = text.replace(":", "").lower()
    if not _FINGERPRINT.fullmatch(plain):
        raise ValueError("a SHA-256 fingerprint has 64 hexadecimal digits")
    return plain


class _Listed(Placed):
    """One ``[[certificate]]``."""

    model_config = ConfigDict(extra="forbid")

    sha256: Annotated[NonEmpty, AfterValidator(_hexadecimal)] | None = None
    organization_identifier: NonEmpty | None = Field(default=None, max_length=256)
    role: Role

    @model_validator(mode="after")
    def _is_known_by_one_thing(self) -> _Listed:
        if (self.sha256 is None) == (self.organization_identifier is None):
            raise ValueError("exactly one of sha256 and organization_identifier is needed")
        self.grant(self.role)
        return self

    def entry(self) -> Entry:
        grant: Grant = self.grant(self.role)
        return Entry(self.sha256 or _organization(self.organization_identifier or ""), Principal(name_of(grant), (grant,)))


def _organization(identifier: str) -> str:
    return f"organization {identifier}"


def _listed(path: Path) -> list[Entry]:
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CertificatesError(f"{path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CertificatesError(f"{path}: {error}") from None
    listed = table.get("certificate", [])
    if table.keys() - {"certificate"} or not isinstance(listed, list):
        raise CertificatesError(f"{path}: only [[certificate]] entries are known, with two brackets")
    made = []
    for number, fields in enumerate(listed, 1):
        try:
            made.append(_Listed.model_validate(fields).entry())
        except ValidationError as error:
            raise CertificatesError(f"{path}: certificate {number}: {reason(error)}") from None
    return made


def _forwarded(values: list[str]) -> x509.Certificate | None:
    """The certificate in a Client-Cert header. Raises ValueError: it holds none that can be read."""
    if len(values) != 1 or len(values[0]) > HEADER_MAX:
        return None
    coded = _BINARY.fullmatch(values[0].strip())
    if coded is None:
        return None
    try:
        return x509.load_der_x509_certificate(base64.b64decode(coded[1], validate=True))
    except binascii.Error:
        return None


def _plain(address: str) -> str:
    """An address as it is written once: IPv4 within IPv6 as IPv4."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    within = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(within or found)
