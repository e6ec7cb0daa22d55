"""Revocation, from lists that are at hand as files. Nothing is fetched.

A seal's time of signing is what its signer says, so a thief of a key could date a document before the loss was known. Hence a
certificate that a list names is refused whatever time the document bears. Sources: RFC 5280, sections 5 and 6.3.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from stream.core.seal_verdict import SealReason

_UNDERSTOOD: Final = frozenset({x509.CRLNumber.oid, x509.AuthorityKeyIdentifier.oid, x509.IssuingDistributionPoint.oid})
_Kind = TypeVar("_Kind", bound=x509.ExtensionType)


def revocation(
    chain: Sequence[x509.Certificate], crls: Sequence[x509.CertificateRevocationList], now: dt.datetime
) -> SealReason | None:
    """Why a chain is refused, or None. ``chain`` goes from the trusted root, which no list is asked about, to the signer."""
    unknown: SealReason | None = None
    for issuer, certificate in itertools.pairwise(chain):
        lists = [crl for crl in crls if _is_of(crl, issuer)]
        if any(crl.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None for crl in lists):
            return SealReason.REVOKED
        if not any(_is_current(crl, now) and _tells_of(crl, certificate) for crl in lists):
            unknown = SealReason.REVOCATION_UNKNOWN
    return unknown


def _is_of(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    try:
        return crl.issuer == issuer.subject and crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
    except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):  # a key of a kind that signs no lists
        return False


def _is_current(crl: x509.CertificateRevocationList, now: dt.datetime) -> bool:
    return crl.last_update_utc <= now and crl.next_update_utc is not None and now < crl.next_update_utc


def _tells_of(crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool:
    """Whether the list would name this certificate if it were revoked (RFC 5280, 6.3.3 b): an issuer may split its lists.

    A critical extension that is not known here may say that it would not.
    """
    if any(extension.critical and extension.oid not in _UNDERSTOOD for extension in crl.extensions):
        return False
    part = _value(crl.extensions, x509.IssuingDistributionPoint)
    if part is None:
        return True
    constraints = _value(certificate.extensions, x509.BasicConstraints)
    is_authority = constraints is not None and constraints.ca
    if part.indirect_crl or part.only_some_reasons or part.only_contains_attribute_certs or part.relative_name:
        return False
    if part.only_contains_user_certs if is_authority else part.only_contains_ca_certs:
        return False
    if part.full_name is None:
        return True
    points = _value(certificate.extensions, x509.CRLDistributionPoints)
    return any(name in part.full_name for point in points or () for name in point.full_name or ())


def _value(extensions: x509.Extensions, kind: type[_Kind]) -> _Kind | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
