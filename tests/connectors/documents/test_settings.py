"""Where documents are kept is said once and wholly, and no secret is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.documents.s3 import S3Documents
from connectors.documents.settings import DocumentsSettings
from connectors.documents.store import DirectoryDocuments
from tests.connectors.documents.conftest import Bucket

BUCKET = {"S3_BUCKET": "documents", "S3_KEY_ID": "id", "S3_SECRET": "a-secret-word"}


def settings(monkeypatch: pytest.MonkeyPatch, **said: str) -> DocumentsSettings:
    for name, value in said.items():
        monkeypatch.setenv(f"CHAKONG_DOCUMENTS_{name}", value)
    return DocumentsSettings()


def test_a_folder_or_a_bucket(tmp_path: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("5e" * 32)
    with monkeypatch.context() as patched:
        kept = settings(patched, FOLDER=str(tmp_path / "kept"), KEY_FILE=str(tmp_path / "key"))
        assert isinstance(kept.store(), DirectoryDocuments)
    (tmp_path / "secret").write_text("a-secret-word\n")
    place = {"S3_BUCKET": bucket.name, "S3_ENDPOINT": bucket.endpoint, "S3_KEY_ID": "id"}
    kept = settings(monkeypatch, **place, S3_SECRET_FILE=str(tmp_path / "secret"), KEY_FILE=str(tmp_path / "key"))
    assert isinstance(kept.store(), S3Documents)
    assert "a-secret-word" not in repr(kept)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (BUCKET | {"FOLDER": "kept"}, "in one place"),
        ({"S3_BUCKET": "documents"}, "S3_KEY_ID"),
        ({"S3_BUCKET": "documents", "S3_KEY_ID": "id"}, "S3_SECRET"),
        (BUCKET | {"S3_SECRET_FILE": "secret"}, "S3_SECRET"),
        (BUCKET | {"S3_ENDPOINT": "http://storage.example"}, "https, or http to loopback"),
        (BUCKET | {"S3_ENDPOINT": "ftp://127.0.0.1"}, "https, or http to loopback"),
    ],
)
def test_half_of_it_is_refused_with_the_settings_name(said: dict[str, str], why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=why) as raised:
        settings(monkeypatch, **said)
    assert "a-secret-word" not in str(raised.value)


def test_nothing_is_kept_unless_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not DocumentsSettings().are_kept
    with pytest.raises(ValueError, match="CHAKONG_DOCUMENTS_FOLDER"):
        DocumentsSettings().store()
    monkeypatch.setenv("CHAKONG_DOCUMENTS_S3_SECRET_FILE", "/nowhere/secret")
    monkeypatch.setenv("CHAKONG_DOCUMENTS_S3_BUCKET", "documents")
    monkeypatch.setenv("CHAKONG_DOCUMENTS_S3_KEY_ID", "id")
    key = Path(__file__)
    monkeypatch.setenv("CHAKONG_DOCUMENTS_KEY_FILE", str(key))
    with pytest.raises(ValueError, match="hexadecimal"):
        DocumentsSettings().store()
