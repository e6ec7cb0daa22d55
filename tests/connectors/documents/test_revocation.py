"""A list counts for a certificate if it would name it; where lists are split, only the right one does."""

import pytest
from cryptography import x509
from cryptography.x509 import DeltaCRLIndicator, ExtensionType, IssuingDistributionPoint, ReasonFlags

from connectors.documents.revocation import revocation
from stream.core.seal_verdict import SealReason
from synthetic.seals import YEAR
from tests.connectors.documents.sealed import AT, COURT, NOW, province

HERE, ELSEWHERE = "http://lists.invalid/1.crl", "http://lists.invalid/2.crl"


def part(address: str | None = None, **said: object) -> IssuingDistributionPoint:
    of = {
        "full_name": [x509.UniformResourceIdentifier(address)] if address else None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return IssuingDistributionPoint(**(of | said))


@pytest.mark.parametrize(
    ("extension", "counts"),
    [
        (part(HERE), True),
        (part(ELSEWHERE), False),
        (part(only_contains_user_certs=True), True),
        (part(HERE, only_contains_user_certs=True), True),
        (part(only_contains_ca_certs=True), False),
        (part(only_contains_attribute_certs=True), False),
        (part(HERE, indirect_crl=True), False),
        (part(HERE, only_some_reasons=frozenset({ReasonFlags.key_compromise})), False),
        (DeltaCRLIndicator(1), False),
    ],
)
def test_a_list_of_a_part_counts_for_what_is_in_that_part(extension: ExtensionType, counts: bool):
    authority = province().authority
    seal = authority.seal(COURT, "法院", AT - YEAR, lists_at=HERE)
    chain = [authority.certificate, seal.certificate]
    clean = x509.load_der_x509_crl(authority.crl(AT, more=[extension]))
    against = x509.load_der_x509_crl(authority.crl(AT, [seal], more=[extension]))
    assert revocation(chain, [clean], NOW) is (None if counts else SealReason.REVOCATION_UNKNOWN)
    assert revocation(chain, [clean, against], NOW) is SealReason.REVOKED


def test_a_certificate_that_names_no_list_is_in_no_part_with_an_address():
    authority = province().authority
    crl = x509.load_der_x509_crl(authority.crl(AT, more=[part(HERE)]))
    assert revocation([authority.certificate, province().seal.certificate], [crl], NOW) is SealReason.REVOCATION_UNKNOWN


def test_a_root_is_nobodys_to_revoke():
    assert revocation([province().authority.certificate], [], NOW) is None


def test_a_list_that_has_run_out_still_tells_of_what_it_names():
    authority, seal = province().authority, province().seal
    old = x509.load_der_x509_crl(authority.crl(AT - YEAR, [seal]))
    assert revocation([authority.certificate, seal.certificate], [old], NOW) is SealReason.REVOKED
