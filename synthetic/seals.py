"""Courts' electronic seals and sealed documents, real ones: keys, certificates, revocation lists, PDF files that pyHanko signs.

A court's code stands in the subject of its certificate as ``organizationIdentifier`` (X.520, 2.5.4.97): ``CT:CN-440106``, in
the form that ETSI EN 319 412-1, 5.1.4, gives for a country's own schemes.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from asn1crypto import keys
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.generic import (
    ArrayObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    PdfObject,
    StreamObject,
    TextStringObject,
)
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.writer import BasePdfFileWriter, PageObject, PdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers.pdf_signer import PdfSigningSession
from pyhanko.sign.timestamps import TimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

YEAR: Final = dt.timedelta(days=365)
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_A4: Final = (0, 0, 595, 842)
_LEFT, _TOP, _LEADING, _SIZE = 72, 760, 28, 16


class Authority:
    """A certification authority, of a province's courts as it may be, valid for ten years from ``at``.

    Without an ``above`` its certificate is a root.
    """

    def __init__(self, name: str, at: dt.datetime, above: Authority | None = None) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name, None)
        issuer = above or self
        self.certificate = (
            _builder(self._name, issuer._name, self._key, at, at + 10 * YEAR)
            .add_extension(x509.BasicConstraints(ca=True, path_length=1 if above is None else 0), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .sign(issuer._key, hashes.SHA256())
        )
        self._chain: tuple[x509.Certificate, ...] = () if above is None else (*above._chain, self.certificate)

    def pem(self) -> bytes:
        """The certificate, for a trust store if it is a root."""
        return self.certificate.public_bytes(Encoding.PEM)

    def seal(
        self,
        court: str | None,
        name: str,
        begins: dt.datetime,
        ends: dt.datetime | None = None,
        *,
        key: PrivateKey | None = None,
        lists_at: str | None = None,
    ) -> Seal:
        """A court's seal, valid for two years unless said; ``court`` None gives a certificate that names no court.

        ``lists_at``: the address of the list that would name it.
        """
        key = key or ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(_name(name, court), self._name, key, begins, ends or begins + 2 * YEAR)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=True), critical=True)
        )
        if lists_at is not None:
            point = x509.DistributionPoint([x509.UniformResourceIdentifier(lists_at)], None, None, None)
            builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
        return Seal(builder.sign(self._key, hashes.SHA256()), key, self._chain)

    def crl(
        self,
        at: dt.datetime,
        revoked: Iterable[Seal | Authority] = (),
        *,
        ends: dt.datetime | None = None,
        more: Iterable[x509.ExtensionType] = (),
    ) -> bytes:
        """A revocation list in DER, valid for 30 days unless said; ``more``: critical extensions."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._name)
            .last_update(at)
            .next_update(ends or at + dt.timedelta(days=30))
            .add_extension(x509.CRLNumber(1), critical=False)
        )
        for one in revoked:
            serial = one.certificate.serial_number
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at).build()
            builder = builder.add_revoked_certificate(entry)
        for extension in more:
            builder = builder.add_extension(extension, critical=True)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.DER)


class Seal:
    """A court's certificate, its private key, and the certificates of the authorities between it and a root."""

    def __init__(self, certificate: x509.Certificate, key: PrivateKey, chain: Sequence[x509.Certificate] = ()) -> None:
        self.certificate = certificate
        self._key, self._chain = key, chain

    def put_on(
        self,
        pdf: bytes,
        at: dt.datetime,
        *,
        field: str = "Seal",
        digest: str = "sha256",
        kind: SigSeedSubFilter = SigSeedSubFilter.ADOBE_PKCS7_DETACHED,
        timestamper: TimeStamper | None = None,
    ) -> bytes:
        """The PDF with this seal, as an incremental update that says it was signed at ``at``."""
        writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
        metadata = PdfSignatureMetadata(field_name=field, md_algorithm=digest, subfilter=kind)
        sealed = _SignerAt(metadata, self.signer(), at, timestamper).sign_pdf(writer)
        return bytes(sealed.getbuffer())

    def signer(self) -> SimpleSigner:
        """What signs with it."""
        certificate, *between = (
            asn1.Certificate.load(one.public_bytes(Encoding.DER)) for one in (self.certificate, *self._chain)
        )
        raw = self._key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        registry = SimpleCertificateStore()
        registry.register_multiple(between)
        return SimpleSigner(certificate, keys.PrivateKeyInfo.load(raw), registry)


class _SignerAt(PdfSigner):
    """Signs at a time that is given; pyHanko asks the machine's clock otherwise."""

    def __init__(
        self, metadata: PdfSignatureMetadata, signer: SimpleSigner, at: dt.datetime, timestamper: TimeStamper | None
    ) -> None:
        super().__init__(metadata, signer, timestamper=timestamper)
        self._at = at

    def init_signing_session(self, pdf_out: BasePdfFileWriter, existing_fields_only: bool = False) -> PdfSigningSession:
        session = super().init_signing_session(pdf_out, existing_fields_only)
        session.system_time = self._at
        return session


def pdf(lines: Sequence[str]) -> bytes:
    """A page of text, a line each, in the Song face that PDF readers have (ISO 32000-1, 9.7.5.2: ``UniGB-UCS2-H``)."""
    writer = PdfFileWriter(stream_xrefs=False)
    shown = b" ".join(b"<%s> Tj T*" % line.encode("utf-16-be").hex().encode() for line in lines)
    content = b"BT /F1 %d Tf %d TL %d %d Td %s ET" % (_SIZE, _LEADING, _LEFT, _TOP, shown)
    stream = writer.add_object(StreamObject(stream_data=content))
    fonts = DictionaryObject({NameObject("/F1"): writer.add_object(_song(writer))})
    resources = DictionaryObject({NameObject("/Font"): fonts})
    writer.insert_page(PageObject(contents=stream, media_box=_A4, resources=resources))
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def _song(writer: PdfFileWriter) -> DictionaryObject:
    system = {"/Registry": TextStringObject("Adobe"), "/Ordering": TextStringObject("GB1"), "/Supplement": NumberObject(2)}
    box = ArrayObject(NumberObject(edge) for edge in (-25, -254, 1000, 880))
    numbers = {"/Flags": 6, "/ItalicAngle": 0, "/Ascent": 880, "/Descent": -120, "/CapHeight": 880, "/StemV": 93}
    descriptor = _dictionary({"/Type": "/FontDescriptor", "/FontName": "/STSong-Light", "/FontBBox": box, **numbers})
    descendant = _dictionary({"/Type": "/Font", "/Subtype": "/CIDFontType0", "/BaseFont": "/STSong-Light", "/DW": 1000})
    descendant[NameObject("/CIDSystemInfo")] = _dictionary(system)
    descendant[NameObject("/FontDescriptor")] = writer.add_object(descriptor)
    font = {"/Type": "/Font", "/Subtype": "/Type0", "/BaseFont": "/STSong-Light", "/Encoding": "/UniGB-UCS2-H"}
    return _dictionary({**font, "/DescendantFonts": ArrayObject([writer.add_object(descendant)])})


def _dictionary(entries: Mapping[str, str | int | PdfObject]) -> DictionaryObject:
    """Plain words are names, plain numbers are numbers."""
    made = DictionaryObject()
    for name, value in entries.items():
        if isinstance(value, PdfObject):
            made[NameObject(name)] = value
        else:
            made[NameObject(name)] = NumberObject(value) if isinstance(value, int) else NameObject(value)
    return made


def _name(name: str, court: str | None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)]
    if court is not None:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, f"CT:CN-{court}"))
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, begins: dt.datetime, ends: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    """A seal's key signs documents; an authority's signs certificates and lists."""
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=signs,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not signs,
        crl_sign=not signs,
        encipher_only=False,
        decipher_only=False,
    )
