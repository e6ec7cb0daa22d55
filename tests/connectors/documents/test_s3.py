"""What object storage must do beyond the contract of all stores (test_store.py): conditions on writing, and errors."""

from __future__ import annotations

import hashlib

import obstore
import pytest
from obstore import exceptions

from connectors.documents.cipher import Cipher
from connectors.documents.s3 import S3Documents, StorageError
from tests.connectors.documents.conftest import KEY, Bucket

DOCUMENT = b"%PDF-1.7 a document"
DIGEST = hashlib.sha256(DOCUMENT).hexdigest()


def test_names_are_digests_under_the_prefix(bucket: Bucket) -> None:
    bucket.store().add(DOCUMENT)
    (found,) = [one["path"] for part in obstore.list(bucket.seen) for one in part]
    assert found == f"kept/{DIGEST[:2]}/{DIGEST[2:4]}/{DIGEST}"


def test_nothing_that_is_whole_is_written_over_even_by_who_saw_nothing_there(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two who add at once: the second one's write finds an object that was not there when it began."""
    put, modes = obstore.put, []

    def first_another(store: object, path: str, data: bytes, **options: object) -> object:
        modes.append(options.get("mode"))
        if len(modes) == 1:
            put(store, path, Cipher(KEY).lock(DOCUMENT, bytes.fromhex(DIGEST)), mode="create", use_multipart=False)
            modes.append(bucket.raw()[DIGEST])
        return put(store, path, data, **options)

    monkeypatch.setattr(obstore, "put", first_another)
    assert bucket.store().add(DOCUMENT) == DIGEST
    assert (modes[0], len(modes)) == ("create", 2)
    assert bucket.raw()[DIGEST] == modes[1]


def test_a_damaged_one_is_replaced_only_as_it_was_seen(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.store().add(DOCUMENT)
    bucket.put_raw(DIGEST, b"damaged")
    put = obstore.put

    def mended_meanwhile(store: object, path: str, data: bytes, **options: object) -> object:
        if isinstance(options.get("mode"), dict):
            bucket.put_raw(DIGEST, b"by somebody else")
        return put(store, path, data, **options)

    with monkeypatch.context() as patched:
        patched.setattr(obstore, "put", mended_meanwhile)
        with pytest.raises(StorageError, match="meanwhile"):
            bucket.store().add(DOCUMENT)
    assert bucket.raw()[DIGEST] == b"by somebody else"
    assert bucket.store().get(bucket.store().add(DOCUMENT)) == DOCUMENT


@pytest.mark.parametrize("where", ["no such bucket", "nobody listens"])
def test_storage_that_is_away_or_refuses_is_told_at_once_and_without_secrets(bucket: Bucket, where: str) -> None:
    endpoint = bucket.endpoint if where == "no such bucket" else "http://127.0.0.1:1"
    with pytest.raises(StorageError, match="bucket nowhere") as raised:
        S3Documents("nowhere", Cipher(KEY), region="x", endpoint=endpoint, prefix="", key_id="id", secret="a-secret-word")
    assert "a-secret-word" not in str(raised.value)


def test_storage_that_goes_away_says_nothing_of_a_document(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = bucket.store()
    documents.add(DOCUMENT)

    def away(*_: object, **__: object) -> None:
        raise exceptions.GenericError("http://10.0.0.1/secret")

    for name in ("get", "put"):
        with monkeypatch.context() as patched:
            patched.setattr(obstore, name, away)
            with pytest.raises(StorageError, match="GenericError") as raised:
                documents.get(DIGEST) if name == "get" else documents.add(DOCUMENT)
        assert "10.0.0.1" not in str(raised.value)
