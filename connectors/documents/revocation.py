"""Revocation, from lists that are at hand as files. Nothing is fetched.

A seal's time of signing is what its signer says, so a thief of a key could date a document before the loss was known. Hence a
certificate that a list names is refused whatever time the document bears. Sources: RFC 5280, sections 5 and 6.3.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from stream.core.seals import SealReason

_UNDERSTOOD: Final = frozenset({x509.CRLNumber.oid, x509.AuthorityKeyIdentifier.oid})


def revocation(
    chain: Sequence[x509.Certificate], crls: Sequence[x509.CertificateRevocationList], now: dt.datetime
) -> SealReason | None:
    """Why a chain is refused, or None. ``chain`` goes from the trusted root, which no list is asked about, to the signer."""
    unknown: SealReason | None = None
    for issuer, certificate in itertools.pairwise(chain):
        lists = [crl for crl in crls if _is_of(crl, issuer)]
        if any(crl.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None for crl in lists):
            return SealReason.REVOKED
        if not any(_is_current(crl, now) and _is_whole(crl) for crl in lists):
            unknown = SealReason.REVOCATION_UNKNOWN
    return unknown


def _is_of(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    try:
        return crl.issuer == issuer.subject and crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
    except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):  # a key of a kind that signs no lists
        return False


def _is_current(crl: x509.CertificateRevocationList, now: dt.datetime) -> bool:
    return crl.last_update_utc <= now and crl.next_update_utc is not None and now < crl.next_update_utc


def _is_whole(crl: x509.CertificateRevocationList) -> bool:
    """Whether it tells of all that its issuer has revoked: a critical extension that is not known may say that it does not."""
    return all(extension.oid in _UNDERSTOOD for extension in crl.extensions if extension.critical)
