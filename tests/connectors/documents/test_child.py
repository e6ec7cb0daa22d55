"""A nursery that would not know a sealed document does not start."""

import shutil
from pathlib import Path

import pytest

from connectors.documents import child
from connectors.documents.pdf import judge
from connectors.documents.trust import TrustStore
from stream.core.seal_verdict import SealReason


def test_the_sample_is_sealed_and_its_trust_store_is_whole():
    TrustStore(child.SAMPLE).check()
    trust = TrustStore(child.SAMPLE).of(child.SAMPLE_COURT)
    sealed = (child.SAMPLE / "sealed.pdf").read_bytes()
    assert judge(sealed, child.SAMPLE_COURT, trust, child.SAMPLE_AT).reason is SealReason.SEALED


@pytest.mark.parametrize(
    ("file", "holds", "reason"),
    [("sealed.pdf", b"nothing", "unreadable"), ("crls/all.crl", None, "revocation_unknown"), ("000000.pem", None, "untrusted")],
)
def test_a_sample_that_is_not_found_to_be_sealed_ends_the_rehearsal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, holds: bytes | None, reason: str
):
    monkeypatch.setattr(child, "SAMPLE", shutil.copytree(child.SAMPLE, tmp_path / "sample"))
    if holds is None:
        (tmp_path / "sample" / file).unlink()
    else:
        (tmp_path / "sample" / file).write_bytes(holds)
    with pytest.raises(RuntimeError, match=reason):
        child.rehearse()
