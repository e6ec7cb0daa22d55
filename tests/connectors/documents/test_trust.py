"""The trust store is its files, and what is wrong with one is said."""

import shutil
from pathlib import Path

import pytest

from connectors.documents.trust import TrustError, TrustStore
from synthetic.seals import YEAR, Authority
from tests.connectors.documents.sealed import AT, COURT, OTHER, province, write_trust


def test_a_courts_own_roots_stand_in_place_of_its_provinces(tmp_path: Path):
    folder = write_trust(tmp_path / "trust")
    own = Authority("独立", AT - YEAR)
    (folder / f"{COURT}.pem").write_bytes(own.pem())
    assert TrustStore(folder).of(COURT).roots == [own.certificate]
    assert TrustStore(folder).of(OTHER).roots == [province().authority.certificate]
    assert len(TrustStore(folder).of(COURT).crls) == 1


@pytest.mark.parametrize("court", ["", "110101", "..", "../trust/44", "44/../44", "tsa\n"])
def test_a_court_that_nothing_names_has_no_roots(tmp_path: Path, court: str):
    assert not TrustStore(write_trust(tmp_path / "trust")).of(court).roots


def test_timestamps_have_roots_of_their_own_where_they_are_given(tmp_path: Path):
    folder = write_trust(tmp_path / "trust")
    assert TrustStore(folder).of(COURT).timestamp_roots == [province().authority.certificate]
    own = Authority("时间戳", AT - YEAR)
    (folder / "tsa.pem").write_bytes(own.pem())
    assert TrustStore(folder).of(COURT).timestamp_roots == [own.certificate]
    assert TrustStore(folder).of(COURT).roots == [province().authority.certificate]


def test_a_file_that_is_not_what_it_should_be_is_named(tmp_path: Path):
    folder = write_trust(tmp_path / "trust")
    TrustStore(folder).check()
    (folder / "crls" / "bad.crl").write_bytes(b"nothing")
    with pytest.raises(TrustError, match=r"bad\.crl"):
        TrustStore(folder).check()
    (folder / "crls" / "bad.crl").unlink()
    (folder / "11.pem").write_bytes(b"nothing")
    with pytest.raises(TrustError, match=r"11\.pem"):
        TrustStore(folder).check()
    shutil.rmtree(folder)
    with pytest.raises(TrustError, match="no such folder"):
        TrustStore(folder).of(COURT)
