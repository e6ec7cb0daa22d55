"""The trust store is its files, and what is wrong with one is said."""

import os
import shutil
import time
from collections.abc import Callable
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


def _list_added(folder: Path) -> None:
    (folder / "crls" / "45.crl").write_bytes(province().authority.crl(AT))


def _list_replaced_with_its_times(folder: Path) -> None:
    path = folder / "crls" / "44.crl"
    before = path.stat()
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _roots_of_its_own(folder: Path) -> None:
    (folder / f"{COURT}.pem").write_bytes(province().authority.pem())


@pytest.mark.parametrize(
    "change",
    [
        _list_added,
        _list_replaced_with_its_times,
        _roots_of_its_own,
        lambda folder: (folder / "tsa.pem").write_bytes(province().authority.pem()),
        lambda folder: (folder / "44.pem").unlink(),
        lambda folder: shutil.rmtree(folder / "crls"),
    ],
)
def test_its_state_is_another_after_any_change_that_counts_for_the_court(tmp_path: Path, change: Callable[[Path], object]):
    folder = write_trust(tmp_path / "trust")
    store = TrustStore(folder)
    before = store.state(COURT)
    assert store.state(COURT) == before
    time.sleep(0.02)  # a file system's clock may go by ticks of ten milliseconds
    change(folder)
    assert store.state(COURT) != before
