"""The files of a folder are documents by what they hold, whatever they are called."""

import hashlib
from pathlib import Path

import pytest

from connectors.documents.files import FolderDocuments
from stream.core.seals import MissingDocumentError


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_file_is_found_by_its_digest_alone(tmp_path: Path):
    (tmp_path / "任意.pdf").write_bytes(b"one")
    (tmp_path / "within").mkdir()
    (tmp_path / "within" / "two").write_bytes(b"two")
    documents = FolderDocuments(tmp_path, 10)
    assert documents.get(digest(b"one")) == b"one"
    for missing in (digest(b"two"), "", "任意.pdf"):
        with pytest.raises(MissingDocumentError):
            documents.get(missing)


def test_a_file_that_changed_or_is_too_large_is_not_there(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").write_bytes(bytes(20))
    documents = FolderDocuments(tmp_path, 10)
    (tmp_path / "a").write_bytes(b"other")
    for data in (b"one", b"other", bytes(20)):
        with pytest.raises(MissingDocumentError):
            documents.get(digest(data))
