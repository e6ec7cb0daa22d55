"""A province's courts with real seals, one sealed document, and what a forger makes of it."""

from __future__ import annotations

import datetime as dt
import io
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from asn1crypto import keys
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper

from connectors.documents.trust import Trust
from synthetic.seals import YEAR, Authority, Seal, pdf

AT = dt.datetime(2026, 11, 20, 1, 0, tzinfo=dt.UTC)
NOW = AT + dt.timedelta(days=1)
COURT, OTHER = "440106", "440105"
TEXT = "拘留决定书"


class Province(NamedTuple):
    authority: Authority
    seal: Seal
    other: Seal
    document: bytes
    sealed: bytes


@cache
def province() -> Province:
    authority = Authority("合成省法院证书", AT - YEAR)
    seal = authority.seal(COURT, "合成市合成区人民法院", AT - YEAR)
    document = pdf([TEXT, "(2026)粤0106执1234号"])
    return Province(
        authority, seal, authority.seal(OTHER, "合成市邻区人民法院", AT - YEAR), document, seal.put_on(document, AT)
    )


def trust(*revoked: Seal, roots: tuple[Authority, ...] | None = None, crl_at: dt.datetime = AT) -> Trust:
    made = [one.certificate for one in roots] if roots is not None else [province().authority.certificate]
    return Trust(made, made, [x509.load_der_x509_crl(province().authority.crl(crl_at, revoked))])


def write_trust(folder: Path, *revoked: Seal) -> Path:
    (folder / "crls").mkdir(parents=True)
    (folder / "44.pem").write_bytes(province().authority.pem())
    (folder / "crls" / "44.crl").write_bytes(province().authority.crl(AT, revoked))
    return folder


def text_altered(sealed: bytes) -> bytes:
    """Another character where the page says 拘留, of the same length."""
    shown = TEXT[0].encode("utf-16-be").hex().encode()
    assert shown in sealed
    return sealed.replace(shown, b"5403", 1)


def saved_again(sealed: bytes) -> bytes:
    written = io.BytesIO()
    copy_into_new_writer(PdfFileReader(io.BytesIO(sealed))).write(written)
    return written.getvalue()


def extended(sealed: bytes) -> bytes:
    """With an incremental update after the seal, as an editor would add a page's note."""
    writer = IncrementalPdfFileWriter(io.BytesIO(sealed))
    writer.root["/Lang"] = writer.root.get("/Lang") or writer.root["/Type"]
    writer.update_root()
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def byte_range(sealed: bytes) -> list[int]:
    return [int(number) for number in PdfFileReader(io.BytesIO(sealed)).embedded_signatures[0].byte_range]


def range_moved(sealed: bytes) -> bytes:
    """Signature wrapping: the signed bytes lie where the range now says, with others between, and every offset is put right."""
    _, before, after, rest = byte_range(sealed)
    evil = b"\n%% " + b"x" * 61 + b"\n"

    def moved(number: bytes) -> bytes:
        return str(int(number) + (len(evil) if int(number) >= after else 0)).encode().rjust(len(number), b"0")

    tail = re.sub(rb"\d{10}(?= 00000 n)", lambda found: moved(found[0]), sealed[after:])
    tail = re.sub(rb"(?<=startxref\n)\d+", lambda found: moved(found[0]), tail)
    was, now = f"{before} {after} {rest}", f"{before} {after + len(evil)} {rest}"
    assert was.encode() in sealed
    assert len(was) == len(now)
    return sealed[:after].replace(was.encode(), now.encode()) + evil + tail


def range_narrowed(sealed: bytes) -> bytes:
    """The range leaves out the file's last bytes."""
    *_, after, rest = byte_range(sealed)
    return sealed.replace(f"{after} {rest}".encode(), f"{after} {rest - 7}".encode(), 1)


def stamping(authority: Authority, at: dt.datetime) -> TimeStamper:
    """A timestamp authority that this authority vouches for, and whose clock stands at ``at``."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "时间戳")])
    certificate = (
        x509.CertificateBuilder(authority.certificate.subject, name, key.public_key(), 7, AT - YEAR, AT + YEAR)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .sign(authority._key, hashes.SHA256())
    )
    raw = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    loaded = asn1.Certificate.load(certificate.public_bytes(Encoding.DER))
    return DummyTimeStamper(loaded, keys.PrivateKeyInfo.load(raw), fixed_dt=at)
