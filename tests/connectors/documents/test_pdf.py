"""A document counts as sealed by a court when its whole file is as that court sealed it, and in no other case."""

import asyncio
import datetime as dt
import io

import pytest
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer
from pyhanko.sign.fields import SigSeedSubFilter

from connectors.documents.pdf import at_once, court_of, covers_whole, judge
from stream.core.seal_verdict import Coverage, SealReason
from stream.core.seals import SEAL_WORDS
from synthetic.seals import YEAR, Authority, pdf
from tests.connectors.documents.sealed import (
    AT,
    COURT,
    NOW,
    OTHER,
    byte_range,
    extended,
    province,
    range_moved,
    range_narrowed,
    saved_again,
    stamping,
    text_altered,
    trust,
)


def reason(data: bytes, court: str = COURT, **changes) -> SealReason:
    return judge(data, court, changes.get("trust", trust()), changes.get("now", NOW)).reason


def test_a_document_that_its_court_sealed_is_good():
    verdict = judge(province().sealed, COURT, trust(), NOW)
    assert verdict.good
    assert (verdict.court, verdict.signed_at, verdict.coverage, verdict.signatures) == (COURT, AT, Coverage.WHOLE_FILE, 1)


def test_a_judge_may_sign_before_the_court_seals():
    signed = province().authority.seal(None, "某法官", AT - YEAR).put_on(province().document, AT, field="Judge")
    verdict = judge(province().seal.put_on(signed, AT), COURT, trust(), NOW)
    assert (verdict.reason, verdict.signatures) == (SealReason.SEALED, 2)


@pytest.mark.parametrize(
    ("forged", "expected"),
    [
        (lambda sealed: province().document, SealReason.NO_SEAL),
        (lambda sealed: sealed[: len(sealed) // 2], SealReason.UNREADABLE),
        (lambda sealed: sealed[:-10], SealReason.UNREADABLE),
        (saved_again, SealReason.ALTERED),
        (lambda sealed: sealed + b"\n", SealReason.NOT_WHOLE_FILE),
        (extended, SealReason.NOT_WHOLE_FILE),
        (range_moved, SealReason.ALTERED),
        (range_narrowed, SealReason.ALTERED),
        (text_altered, SealReason.ALTERED),
        (lambda sealed: b"", SealReason.UNREADABLE),
        (lambda sealed: b"%PDF-1.7\n" + b"\0" * 1000, SealReason.UNREADABLE),
        (lambda sealed: b"PK\x03\x04 an OFD file is a ZIP", SealReason.UNREADABLE),
    ],
)
def test_what_a_forger_makes_of_it_is_refused(forged, expected):
    verdict = judge(forged(province().sealed), COURT, trust(), NOW)
    assert verdict.reason is expected


def test_the_signature_alone_would_pass_where_the_text_was_altered():
    """What pyHanko calls ``valid`` is the signature over its own attributes: the file's digest is ``intact``'s matter."""
    data = text_altered(province().sealed)
    one = PdfFileReader(io.BytesIO(data)).embedded_signatures[0]
    one.compute_integrity_info()
    assert one.evaluate_signature_coverage().name == "ENTIRE_FILE"
    assert reason(data) is SealReason.ALTERED


def test_another_courts_seal_is_not_this_courts():
    sealed = province().other.put_on(province().document, AT)
    assert reason(sealed) is SealReason.OTHER_COURT
    assert reason(sealed, OTHER) is SealReason.SEALED
    assert judge(sealed, COURT, trust(), NOW).court == OTHER


def test_a_certificate_that_names_no_court_is_no_courts():
    assert (
        reason(province().authority.seal(None, "某公司", AT - YEAR).put_on(province().document, AT)) is SealReason.OTHER_COURT
    )


@pytest.mark.parametrize(
    ("values", "court"),
    [
        (["CT:CN-440106"], COURT),
        (["CT:CN-440106", "CT:CN-440105"], None),
        (["440106"], None),
        (["CT:CN-440106\n"], None),
        (["CT:CN-\x1b[2J"], None),
        (["NTRCN-440106"], None),
        ([], None),
    ],
)
def test_a_certificate_names_one_court_in_one_way(values: list[str], court: str | None):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, value) for value in values])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, AT, AT + YEAR).sign(key, hashes.SHA256())
    assert court_of(asn1.Certificate.load(made.public_bytes(Encoding.DER))) == court


def test_whoever_signs_after_the_court_takes_its_seal_away():
    sealed = province().other.put_on(province().sealed, AT, field="Later")
    assert reason(sealed) is SealReason.OTHER_COURT


def test_a_bad_signature_before_the_courts_own_is_refused():
    stranger = Authority("某处", AT - YEAR).seal(COURT, "自称法院", AT - YEAR)
    signed = stranger.put_on(province().document, AT, field="Judge")
    assert reason(province().seal.put_on(signed, AT)) is SealReason.UNTRUSTED


def test_a_certificate_of_ones_own_making_is_not_trusted():
    stranger = Authority("合成省法院证书", AT - YEAR).seal(COURT, "合成市合成区人民法院", AT - YEAR)
    assert reason(stranger.put_on(province().document, AT)) is SealReason.UNTRUSTED


def test_without_roots_nothing_is_trusted():
    assert reason(province().sealed, trust=trust(roots=())) is SealReason.UNTRUSTED


def test_a_certificate_counts_at_the_time_of_sealing():
    ended = province().authority.seal(COURT, "法院", AT - YEAR, AT + dt.timedelta(hours=1))
    assert reason(ended.put_on(province().document, AT)) is SealReason.SEALED
    assert reason(ended.put_on(province().document, AT + dt.timedelta(hours=2))) is SealReason.EXPIRED_AT_SIGNING
    assert reason(ended.put_on(province().document, AT - 2 * YEAR)) is SealReason.EXPIRED_AT_SIGNING


def test_a_courts_own_certificate_as_the_root_has_its_dates_too():
    authority = Authority("独立法院", AT - 20 * YEAR)
    pinned = authority.seal(COURT, "法院", AT - 20 * YEAR, AT - YEAR)
    kept = trust()._replace(roots=[pinned.certificate], timestamp_roots=[])
    assert reason(pinned.put_on(province().document, AT - 2 * YEAR), trust=kept) is SealReason.SEALED
    assert reason(pinned.put_on(province().document, AT), trust=kept) is SealReason.EXPIRED_AT_SIGNING


def test_a_seal_from_ahead_is_refused_until_its_time_has_come():
    sealed = province().seal.put_on(province().document, NOW + dt.timedelta(minutes=6))
    assert reason(sealed) is SealReason.SIGNING_TIME
    assert reason(sealed, now=NOW + dt.timedelta(minutes=2)) is SealReason.SEALED


def test_a_revoked_seal_is_refused_whatever_time_it_bears():
    assert reason(province().sealed, trust=trust(province().seal)) is SealReason.REVOKED
    earlier = province().seal.put_on(province().document, AT - dt.timedelta(days=100))
    assert reason(earlier, trust=trust(province().seal)) is SealReason.REVOKED


def test_without_a_current_list_nobody_knows_whether_it_was_revoked():
    assert reason(province().sealed, trust=trust()._replace(crls=())) is SealReason.REVOCATION_UNKNOWN
    assert reason(province().sealed, now=AT + dt.timedelta(days=31)) is SealReason.REVOCATION_UNKNOWN
    assert reason(province().sealed, trust=trust(crl_at=NOW + dt.timedelta(days=1))) is SealReason.REVOCATION_UNKNOWN


def test_an_authority_between_the_root_and_the_court_needs_a_list_too():
    above = Authority("最高人民法院证书", AT - 2 * YEAR)
    between = Authority("合成省证书", AT - YEAR, above)
    sealed = between.seal(COURT, "法院", AT - YEAR).put_on(province().document, AT)
    lower, upper, against = (
        x509.load_der_x509_crl(raw) for raw in (between.crl(AT), above.crl(AT), above.crl(AT, revoked=[between]))
    )
    roots = trust(roots=(above,))
    assert reason(sealed, trust=roots._replace(crls=[lower, upper])) is SealReason.SEALED
    assert reason(sealed, trust=roots._replace(crls=[lower])) is SealReason.REVOCATION_UNKNOWN
    assert reason(sealed, trust=roots._replace(crls=[lower, against])) is SealReason.REVOKED
    assert reason(sealed, trust=trust(roots=(between,))._replace(crls=[lower])) is SealReason.SEALED


def test_a_court_is_no_authority():
    """Its seal's key may sign documents, and no certificates."""
    court = province().seal
    forged = Authority("x", AT - YEAR)
    forged._name, forged._key, forged._chain = court.certificate.subject, court._key, (court.certificate,)
    assert reason(forged.seal(COURT, "法院", AT - YEAR).put_on(province().document, AT)) is SealReason.UNTRUSTED


def test_a_timestamp_must_be_trusted_where_there_is_one():
    stamps = Authority("时间戳机构", AT - YEAR)
    sealed = province().seal.put_on(province().document, AT, timestamper=stamping(stamps, AT))
    assert reason(sealed) is SealReason.UNTRUSTED
    assert reason(sealed, trust=trust()._replace(timestamp_roots=[stamps.certificate])) is SealReason.SEALED
    # who may vouch for times does not vouch for courts
    assert reason(province().sealed, trust=trust(roots=())._replace(timestamp_roots=trust().roots)) is SealReason.UNTRUSTED


def test_a_seal_in_the_european_form_is_a_seal():
    """PAdES has the time of sealing in the PDF and not in the signature's attributes; both are signed."""
    verdict = judge(province().seal.put_on(province().document, AT, kind=SigSeedSubFilter.PADES), COURT, trust(), NOW)
    assert (verdict.reason, verdict.signed_at) == (SealReason.SEALED, AT)


def test_a_list_that_another_signed_in_the_issuers_name_says_nothing():
    impostor = Authority("合成省法院证书", AT - YEAR)
    forged = [x509.load_der_x509_crl(impostor.crl(AT))]
    assert reason(province().sealed, trust=trust()._replace(crls=forged)) is SealReason.REVOCATION_UNKNOWN


def test_weak_digests_and_short_keys_are_refused():
    assert reason(province().seal.put_on(province().document, AT, digest="sha1")) is SealReason.WEAK_ALGORITHM
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    seal = province().authority.seal(COURT, "法院", AT - YEAR, key=short)
    assert reason(seal.put_on(province().document, AT)) is SealReason.WEAK_ALGORITHM


def test_a_seal_of_another_kind_is_not_passed_over():
    sealed = province().sealed
    other = sealed.replace(b"/adbe.pkcs7.detached", b"/GM.sm2seal.detached", 1)
    assert len(other) == len(sealed)
    assert reason(other) is SealReason.UNSUPPORTED_SEAL


def test_an_encrypted_file_is_refused():
    writer = copy_into_new_writer(PdfFileReader(io.BytesIO(pdf(["密"]))))
    writer.encrypt(owner_pass="secret", user_pass="")
    written = io.BytesIO()
    writer.write(written)
    assert reason(written.getvalue()) is SealReason.ENCRYPTED


def test_the_gap_of_a_range_is_the_signature_and_nothing_else():
    contents = bytes.fromhex("3003020101") + bytes(3)
    good = b"head<" + contents.hex().encode() + b">tail"
    whole = [0, 4, 4 + 18, 4]
    assert covers_whole(good, whole, contents)
    assert covers_whole(good.upper().replace(b"HEAD", b"head"), whole, contents)
    assert not covers_whole(good + b" ", whole, contents)
    assert not covers_whole(good, [1, 3, 22, 4], contents)
    assert not covers_whole(good, [0, 4, 22], contents)
    assert not covers_whole(good, [0, 5, 22, 4], contents)
    # as long as the signature, which is what pyHanko looks at, and something else
    assert not covers_whole(b"head" + b"x" * 18 + b"tail", whole, contents)
    hidden = contents[:-1] + b"\x07"
    assert not covers_whole(b"head<" + hidden.hex().encode() + b">tail", whole, hidden)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_flip_of_bytes_that_were_signed_passes(data):
    sealed = bytearray(province().sealed)
    _, before, after, _ = byte_range(province().sealed)
    signed = st.one_of(st.integers(0, before - 1), st.integers(after, len(sealed) - 1))
    for place in data.draw(st.lists(signed, min_size=1, max_size=3, unique=True)):
        sealed[place] ^= data.draw(st.integers(1, 255))
    assert not judge(bytes(sealed), COURT, trust(), NOW).good


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_flip_in_the_signature_itself_passes_only_where_nothing_rests_on_it(data):
    """CMS signs neither its own version nor its list of digests: what was sealed, by whom and when is the same then."""
    sealed = bytearray(province().sealed)
    _, before, after, _ = byte_range(province().sealed)
    sealed[data.draw(st.integers(before, after - 1))] ^= data.draw(st.integers(1, 255))
    verdict = judge(bytes(sealed), COURT, trust(), NOW)
    assert not verdict.good or verdict == judge(province().sealed, COURT, trust(), NOW)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 100_000))
def test_no_truncation_passes(length):
    sealed = province().sealed
    assert not judge(sealed[: length % len(sealed)], COURT, trust(), NOW).good


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=2000))
def test_no_bytes_make_it_raise(raw):
    assert not judge(raw, COURT, trust(), NOW).good
    assert not judge(b"%PDF-1.7\n" + raw + b"\nstartxref\n9\n%%EOF", COURT, trust(), NOW).good


def test_every_reason_has_its_words():
    assert set(SEAL_WORDS) == set(SealReason)


def test_a_coroutine_that_waits_for_something_has_no_result():
    async def waits(seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "sealed"

    async def calls() -> str:
        return await waits(0)

    with pytest.raises(RuntimeError, match="waits"):
        at_once(calls())


def test_a_coroutine_that_waits_for_nothing_ends_as_it_would_in_a_loop():
    async def parts():
        yield "as"
        yield "it is"

    async def ends() -> list[str]:
        return [part async for part in parts()]

    async def raises() -> str:
        raise KeyError("/V")

    assert at_once(ends()) == ["as", "it is"]
    with pytest.raises(KeyError):
        at_once(raises())
