"""The seal of a PDF, checked with pyHanko. Runs in a process of its own (``connectors.documents.child``).

Every signature of the file must be sound, trusted for the court and not revoked; the last one must be that court's and cover
the whole file. Sources: ISO 32000-2, 12.8 (signatures, byte ranges); RFC 5280 (paths); X.520, ``organizationIdentifier``.
"""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Coroutine, Iterable
from typing import Any, Final, TypeVar, cast

from asn1crypto import parser
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESFailure, AdESIndeterminate
from pyhanko.sign.fields import SigSeedSubFilter, enumerate_sig_fields
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator.authority import CertTrustAnchor
from pyhanko_certvalidator.context import ValidationContext
from pyhanko_certvalidator.registry import SimpleTrustManager

from connectors.documents.revocation import revocation
from connectors.documents.trust import Trust
from stream.core.seal_verdict import Coverage, SealReason, SealVerdict

SIGNATURES_MAX: Final = 16
SKEW: Final = dt.timedelta(minutes=5)
"""How far a court's clock may be ahead of ours."""
_COURT: Final = re.compile(r"CT:CN-([0-9A-Za-z]{2,32})")
"""How ``organizationIdentifier`` says a court's code: the form of ETSI EN 319 412-1, 5.1.4, for a scheme of a country's own."""
_KINDS: Final = {kind.value for kind in (SigSeedSubFilter.ADOBE_PKCS7_DETACHED, SigSeedSubFilter.PADES)}
_USAGE: Final = KeyUsageConstraints(key_usage={"digital_signature", "non_repudiation"}, match_all_key_usages=False)
_RANGE_NUMBERS: Final = 4
_Result = TypeVar("_Result")


def judge(data: bytes, court: str, trust: Trust, now: dt.datetime) -> SealVerdict:
    """Whether the bytes are a PDF as the court sealed it. Raises nothing but what runs into the process's limits."""
    try:
        return _judge(data, court, trust, now)
    except (MemoryError, RecursionError):
        return SealVerdict(reason=SealReason.TOO_COSTLY)
    except Exception:  # whatever a parser says of hostile bytes
        return SealVerdict(reason=SealReason.UNREADABLE)


def _judge(data: bytes, court: str, trust: Trust, now: dt.datetime) -> SealVerdict:
    reader = PdfFileReader(io.BytesIO(data), strict=True)
    if reader.encrypted:
        return SealVerdict(reason=SealReason.ENCRYPTED)
    fields = list(enumerate_sig_fields(reader, filled_status=True))
    if not fields:
        return SealVerdict(reason=SealReason.NO_SEAL)
    kinds = [
        (str(value.get_object().get("/Type", "/Sig")), str(value.get_object().get("/SubFilter"))) for _, value, _ in fields
    ]
    if len(fields) > SIGNATURES_MAX or any(type_ != "/Sig" or kind not in _KINDS for type_, kind in kinds):
        return SealVerdict(reason=SealReason.UNSUPPORTED_SEAL, signatures=len(fields))
    signatures = [EmbeddedPdfSignature(reader, field, name) for name, _, field in fields]
    signatures.sort(key=lambda one: one.signed_revision)
    seal = signatures[-1]
    whole = covers_whole(data, [int(number) for number in seal.byte_range], seal.pkcs7_content)
    reasons = [_reason(one, court if one is seal else None, trust, now) for one in signatures]
    found = next((reason for reason in reversed(reasons) if reason is not None), None)
    if not whole and found not in (SealReason.ALTERED, SealReason.WEAK_ALGORITHM):
        found = SealReason.NOT_WHOLE_FILE
    signed_at = seal.self_reported_timestamp
    return SealVerdict(
        reason=found or SealReason.SEALED,
        court=court_of(seal.signer_cert),
        signed_at=signed_at if signed_at is not None and signed_at.utcoffset() is not None else None,
        coverage=Coverage.WHOLE_FILE if whole else Coverage.PART,
        signatures=len(signatures),
    )


def covers_whole(data: bytes, byte_range: list[int], contents: bytes) -> bool:
    """Whether a signature covers every byte but its own value, and nothing is hidden there.

    pyHanko compares lengths; here the gap itself must be that value: hexadecimal digits of one case, the signature and nothing
    but zeros after it.
    """
    if len(byte_range) != _RANGE_NUMBERS:
        return False
    start, before, after, rest = byte_range
    if start != 0 or not 0 < before < after < len(data) or after + rest != len(data):
        return False
    written = contents.hex().encode()
    if data[before:after] not in (b"<%s>" % written, b"<%s>" % written.upper()):
        return False
    length = parser.peek(contents)
    return not contents[length:].strip(b"\0")


def at_once(coroutine: Coroutine[Any, Any, _Result]) -> _Result:
    """What a coroutine returns that waits for nothing, as one that fetches nothing does; no event loop is made for it.

    Raises RuntimeError: it did wait.
    """
    try:
        coroutine.send(None)
    except StopIteration as ended:
        return cast("_Result", ended.value)
    coroutine.close()
    raise RuntimeError("the look at a signature waits for something")


def _reason(one: EmbeddedPdfSignature, court: str | None, trust: Trust, now: dt.datetime) -> SealReason | None:
    """What is wrong with one signature, or None. Without a court, it may be anybody's whom the roots vouch for."""
    signed_at = one.self_reported_timestamp
    if signed_at is None or signed_at.utcoffset() is None:
        return SealReason.SIGNING_TIME
    vouched = _context(trust.roots, signed_at)
    # The same roots are the same context: what pyHanko itself takes for timestamps where it is given none of their own.
    stamped = vouched if trust.timestamp_roots is trust.roots else _context(trust.timestamp_roots, signed_at)
    status = at_once(
        async_validate_pdf_signature(
            one, signer_validation_context=vouched, ts_validation_context=stamped, key_usage_settings=_USAGE
        )
    )
    problem = status.trust_problem_indic
    if problem in (AdESIndeterminate.CRYPTO_CONSTRAINTS_FAILURE, AdESIndeterminate.CRYPTO_CONSTRAINTS_FAILURE_NO_POE):
        return SealReason.WEAK_ALGORITHM
    if not (status.intact and status.valid):
        return SealReason.ALTERED
    if status.coverage is not SignatureCoverageLevel.ENTIRE_FILE and (court is not None or not status.docmdp_ok):
        return SealReason.NOT_WHOLE_FILE
    if court is not None and court_of(status.signing_cert) != court:
        return SealReason.OTHER_COURT
    if signed_at > now + SKEW:
        return SealReason.SIGNING_TIME
    return _trust_reason(status, signed_at, trust, now)


def _trust_reason(status: PdfSignatureStatus, signed_at: dt.datetime, trust: Trust, now: dt.datetime) -> SealReason | None:
    certificate = status.signing_cert
    expired = status.trust_problem_indic in (
        AdESIndeterminate.EXPIRED,
        AdESIndeterminate.OUT_OF_BOUNDS_NO_POE,
        AdESIndeterminate.OUT_OF_BOUNDS_NOT_REVOKED,
        AdESIndeterminate.NOT_YET_VALID,
        AdESFailure.NOT_YET_VALID,
    )
    # A root is trusted whatever its dates, and a court's own certificate may be listed as one.
    if expired or not certificate.not_valid_before <= signed_at <= certificate.not_valid_after:
        return SealReason.EXPIRED_AT_SIGNING
    if not status.bottom_line or status.validation_path is None:
        return SealReason.UNTRUSTED
    chain = [x509.load_der_x509_certificate(one.dump()) for one in status.validation_path.iter_certs(include_root=True)]
    return revocation(chain, trust.crls, now)


def _context(roots: Iterable[x509.Certificate], moment: dt.datetime) -> ValidationContext:
    """Nothing but these roots, at that moment; nothing is fetched. Revocation is looked at apart."""
    loaded = [asn1.Certificate.load(root.public_bytes(Encoding.DER)) for root in roots]
    manager = SimpleTrustManager.build(trust_roots=[CertTrustAnchor(root) for root in loaded])
    return ValidationContext(trust_manager=manager, moment=moment, allow_fetching=False, revocation_mode="soft-fail")


def court_of(certificate: Any) -> str | None:
    """The court's code in a certificate's subject, or None where it does not name exactly one."""
    subject = x509.load_der_x509_certificate(certificate.dump()).subject
    named = [str(one.value) for one in subject.get_attributes_for_oid(NameOID.ORGANIZATION_IDENTIFIER)]
    if len(named) != 1 or not (court := _COURT.fullmatch(named[0])):
        return None
    return court[1]
