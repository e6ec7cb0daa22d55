"""A document is looked at in a process that no document can make hang or grow."""

import datetime as dt
import hashlib
import itertools
import json
import os
import signal
import sys
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from connectors.documents.recent import AGE_MAX
from connectors.documents.trust import TrustError
from connectors.documents.verifier import PdfSealVerifier
from stream.core.seal_verdict import SealReason
from stream.core.sealed_order import documents_of
from tests.connectors.documents.sealed import COURT, NOW, OTHER, province, text_altered, write_trust
from tests.watchlists import orders
from watchlists.order import Order, read_order


def verifier(folder: Path, clock: Callable[[], dt.datetime] = lambda: NOW, **limits: float) -> PdfSealVerifier:
    return PdfSealVerifier(write_trust(folder / "trust"), clock, **limits)  # type: ignore[arg-type]


def hurrying() -> Callable[[], dt.datetime]:
    """A clock by which no verdict is recent."""
    asked = itertools.count()
    return lambda: NOW + 2 * next(asked) * AGE_MAX


def file_of(*objects: bytes, root: int = 1) -> bytes:
    """A PDF file of these objects, numbered from 1."""
    written, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    xref = b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    return written + xref + b"trailer\n<</Root %d 0 R/Size %d>>\nstartxref\n%d\n%%%%EOF\n" % (root, size, len(written))


def test_a_good_document_and_an_altered_one(tmp_path: Path):
    checks = verifier(tmp_path)
    assert checks.verify(province().sealed, COURT).good
    assert checks.verify(text_altered(province().sealed), COURT).reason is SealReason.ALTERED


def test_a_list_that_is_put_in_its_place_counts_from_the_next_document_on(tmp_path: Path):
    checks = verifier(tmp_path)
    (tmp_path / "trust" / "crls" / "44.crl").write_bytes(province().authority.crl(NOW, [province().seal]))
    assert checks.verify(province().sealed, COURT).reason is SealReason.REVOKED


def test_a_good_document_that_comes_again_is_not_looked_at_again_unless_something_is_another(tmp_path: Path):
    now = [NOW]
    with verifier(tmp_path, lambda: now[0], processes=1) as checks:

        def looked(data: bytes, court: str) -> tuple[SealReason, int]:
            reason = checks.verify(data, court).reason
            return reason, sum(one.looked for one in checks._idle)

        assert looked(province().sealed, COURT) == (SealReason.SEALED, 1)
        assert looked(province().sealed, COURT) == (SealReason.SEALED, 1)
        assert looked(province().sealed, OTHER) == (SealReason.OTHER_COURT, 2)
        assert looked(province().sealed, OTHER) == (SealReason.OTHER_COURT, 3)
        now[0] += 2 * AGE_MAX
        assert looked(province().sealed, COURT) == (SealReason.SEALED, 4)
        (tmp_path / "trust" / "crls" / "44.crl").write_bytes(province().authority.crl(NOW, [province().seal]))
        assert looked(province().sealed, COURT) == (SealReason.REVOKED, 5)


def test_too_large_is_not_even_looked_at(tmp_path: Path):
    assert verifier(tmp_path, bytes_max=100).verify(bytes(101), COURT).reason is SealReason.TOO_LARGE


def test_out_of_time_and_out_of_memory_are_verdicts(tmp_path: Path):
    assert verifier(tmp_path / "a", wall_s_max=0.001).verify(province().sealed, COURT).reason is SealReason.TOO_COSTLY
    large = bytes(8 << 20)  # a small one may find all the room it needs in what the nursery has
    assert verifier(tmp_path / "b", memory_bytes_max=1 << 24).verify(large, COURT).reason is SealReason.TOO_COSTLY
    assert verifier(tmp_path / "c").verify(large, COURT).reason is SealReason.UNREADABLE


def test_a_trust_store_that_went_away_is_no_verdict(tmp_path: Path):
    checks = verifier(tmp_path)
    (tmp_path / "trust" / "44.pem").write_bytes(b"nothing")
    with pytest.raises(TrustError, match=r"44\.pem"):
        checks.verify(province().sealed, COURT)


def test_a_process_that_does_not_start_says_nothing_of_the_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(OSError, match="did not start"):
        verifier(tmp_path).verify(province().sealed, COURT)


def test_one_process_stands_ready_for_many_documents_and_is_replaced_after_so_many(tmp_path: Path):
    with verifier(tmp_path, hurrying(), processes=1, documents_max=3) as checks:
        seen = []
        for _ in range(4):
            assert checks.verify(province().sealed, COURT).good
            seen += [one._process.pid for one in checks._idle]
        assert len(seen) == 3
        assert seen[0] == seen[1] != seen[2]  # the third document was the first one's last, and left nobody behind


def test_a_nursery_that_was_ended_is_replaced_and_no_document_pays_for_it(tmp_path: Path):
    with verifier(tmp_path, hurrying(), processes=1) as checks:
        assert checks.verify(province().sealed, COURT).good
        (nursery,) = checks._idle
        os.kill(nursery._process.pid, signal.SIGKILL)
        nursery._process.wait()
        assert checks.verify(province().sealed, COURT).good


def test_what_took_too_much_takes_nothing_from_the_next(tmp_path: Path):
    with verifier(tmp_path, hurrying(), processes=1, wall_s_max=3.0) as checks:
        for kind in ("nested arrays", "a stream that swells", "nothing but line ends"):
            assert not checks.verify(HOSTILE[kind], COURT).good
            assert checks.verify(province().sealed, COURT).good


def test_threads_share_it_and_each_document_has_its_own_verdict(tmp_path: Path):
    with verifier(tmp_path, hurrying(), processes=2) as checks, ThreadPoolExecutor(6) as threads:
        sent = [province().sealed, text_altered(province().sealed), b"nothing"] * 6
        reasons = list(threads.map(lambda data: checks.verify(data, COURT).reason, sent))
        assert len(checks._idle) <= 2
    assert reasons == [SealReason.SEALED, SealReason.ALTERED, SealReason.UNREADABLE] * 6


def test_an_order_that_lists_a_killer_among_good_documents_has_each_ones_own_verdict(tmp_path: Path):
    sent = [HOSTILE["nested arrays"], province().sealed, text_altered(province().sealed), province().sealed]
    kept = {hashlib.sha256(data).hexdigest(): data for data in sent}
    placed = json.loads(orders.order("A", 1, ["E12345678"], court=COURT).raw)
    kinds = ("annex", "detention_decision", "assistance_notice", "annex")
    placed["documents"] = [
        {"kind": kind, "sha256": hashlib.sha256(data).hexdigest()} for kind, data in zip(kinds, sent, strict=True)
    ]
    order = read_order(json.dumps(placed).encode())
    assert isinstance(order, Order)
    with verifier(tmp_path, processes=1) as checks:
        checked = documents_of(order, SimpleNamespace(get=kept.__getitem__), checks)
        (nursery,) = checks._idle
        assert nursery.looked == len(kept)
    assert [one.verdict.reason for one in checked] == [
        SealReason.TOO_COSTLY,
        SealReason.SEALED,
        SealReason.ALTERED,
        SealReason.SEALED,
    ]


BOMB = zlib.compress(bytes(200 << 20), 9)
HOSTILE = {
    "nested arrays": file_of(b"<</Type/Catalog/AcroForm<</Fields " + b"[" * 100_000 + b"]" * 100_000 + b">>>>"),
    "nested dictionaries": file_of(b"<</A " * 50_000 + b">>" * 50_000),
    "fields in a ring": file_of(b"<</Type/Catalog/AcroForm<</Fields[2 0 R]>>>>", b"<</T(a)/Kids[2 0 R]>>"),
    "a reference to itself": file_of(b"1 0 R"),
    "tables in a ring": b"%PDF-1.7\nxref\n0 0\ntrailer\n<</Root 1 0 R/Size 1/Prev 9>>\nstartxref\n9\n%%EOF\n",
    "a table of a billion entries": b"%PDF-1.7\nxref\n0 999999999\n"
    + b"0000000000 65535 f \n" * 1000
    + b"startxref\n9\n%%EOF\n",
    "a stream that swells": b"%PDF-1.7\n1 0 obj\n<</Type/XRef/W[1 4 2]/Size 9/Root 1 0 R/Filter/FlateDecode/Length "
    + b"%d>>\nstream\n%s\nendstream\nendobj\nstartxref\n9\n%%%%EOF\n" % (len(BOMB), BOMB),
    "nothing but line ends": b"%PDF-1.7\n" + b"\n" * (4 << 20),
    "startxref over and over": b"%PDF-1.7\n" + b"startxref\n9\n%%EOF\n" * 100_000,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused_within_the_limits(tmp_path: Path, kind: str):
    began = time.monotonic()
    verdict = verifier(tmp_path).verify(HOSTILE[kind], COURT)
    assert verdict.reason in (SealReason.UNREADABLE, SealReason.TOO_COSTLY, SealReason.NO_SEAL)
    assert time.monotonic() - began < 40
