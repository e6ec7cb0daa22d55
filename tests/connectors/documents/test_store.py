"""A document comes back as it went in or not at all, and is nowhere to be read on the disk."""

import hashlib
import threading
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest

from connectors.documents.cipher import Cipher
from connectors.documents.store import DirectoryDocuments
from stream.core.seals import DamagedDocumentError, DocumentStore, MissingDocumentError, UnreadableDocumentError

DOCUMENT = b"%PDF-1.7 " + "判决".encode() * 1000
DIGEST = hashlib.sha256(DOCUMENT).hexdigest()
KEY = bytes(range(32))


class Shelf(Protocol):
    """A place of documents, and what lies there as whoever runs it sees it."""

    def store(self, key: bytes = KEY) -> DocumentStore: ...

    def raw(self) -> dict[str, bytes]:
        """Digest to what is kept under it."""

    def put_raw(self, digest: str, raw: bytes) -> None: ...


class Folder(NamedTuple):
    path: Path

    def store(self, key: bytes = KEY) -> DocumentStore:
        return DirectoryDocuments(self.path / "documents", Cipher(key))

    def raw(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in files(self.path)}

    def put_raw(self, digest: str, raw: bytes) -> None:
        (self.path / "documents" / digest[:2] / digest[2:4] / digest).write_bytes(raw)


@pytest.fixture(params=["folder", "s3"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    return Folder(tmp_path) if request.param == "folder" else request.getfixturevalue("bucket")


def store(folder: Path, key: bytes = KEY) -> DirectoryDocuments:
    return DirectoryDocuments(folder / "documents", Cipher(key))


def files(folder: Path) -> list[Path]:
    return [path for path in (folder / "documents").rglob("*") if path.is_file()]


def test_S4_3_what_goes_in_comes_out(shelf: Shelf):
    assert shelf.store().add(DOCUMENT) == DIGEST
    assert shelf.store().get(DIGEST) == DOCUMENT
    assert shelf.store().get(shelf.store().add(b"")) == b""


def test_where_it_lies_shows_nothing_of_it(shelf: Shelf):
    shelf.store().add(DOCUMENT)
    ((name, raw),) = shelf.raw().items()
    assert name == DIGEST
    assert "判决".encode() not in raw


def test_on_a_disk_only_its_owner_sees_it(tmp_path: Path):
    store(tmp_path).add(DOCUMENT)
    (kept,) = files(tmp_path)
    assert kept.relative_to(tmp_path).parts == ("documents", DIGEST[:2], DIGEST[2:4], DIGEST)
    assert kept.stat().st_mode & 0o077 == 0
    assert (tmp_path / "documents").stat().st_mode & 0o077 == 0


def test_the_same_document_twice_is_stored_once(shelf: Shelf):
    shelf.store().add(DOCUMENT)
    before = shelf.raw()
    assert shelf.store().add(DOCUMENT) == DIGEST
    assert shelf.raw() == before


def test_a_missing_document_is_said_to_be_missing(shelf: Shelf):
    with pytest.raises(MissingDocumentError, match=DIGEST):
        shelf.store().get(DIGEST)


@pytest.mark.parametrize("digest", ["", "..", "../../etc/passwd", DIGEST.upper(), DIGEST + "0", DIGEST[:-1], DIGEST + "\n"])
def test_what_is_no_digest_is_no_path(shelf: Shelf, digest: str):
    shelf.store().add(DOCUMENT)
    with pytest.raises(MissingDocumentError, match="64"):
        shelf.store().get(digest)


@pytest.mark.parametrize("place", [0, 5, 12, 30, 70, 90, 200, -1])
def test_a_flipped_bit_is_seen(shelf: Shelf, place: int):
    shelf.store().add(DOCUMENT)
    raw = bytearray(shelf.raw()[DIGEST])
    raw[place] ^= 1
    shelf.put_raw(DIGEST, bytes(raw))
    with pytest.raises((DamagedDocumentError, UnreadableDocumentError), match=DIGEST):
        shelf.store().get(DIGEST)


def test_a_damaged_document_is_mended_by_adding_it_again(shelf: Shelf):
    shelf.store().add(DOCUMENT)
    kept = shelf.raw()[DIGEST]
    for raw in (b"", kept[:50], kept[:-1]):
        shelf.put_raw(DIGEST, raw)
        with pytest.raises(DamagedDocumentError, match=DIGEST):
            shelf.store().get(DIGEST)
    shelf.store().add(DOCUMENT)
    assert shelf.store().get(DIGEST) == DOCUMENT


def test_a_document_under_anothers_name_does_not_open(shelf: Shelf):
    documents = shelf.store()
    other = documents.add(b"another")
    documents.add(DOCUMENT)
    shelf.put_raw(DIGEST, shelf.raw()[other])
    with pytest.raises(DamagedDocumentError):
        documents.get(DIGEST)


def test_what_was_locked_under_a_digest_that_it_has_not_is_damaged(shelf: Shelf):
    shelf.store().add(DOCUMENT)
    shelf.put_raw(DIGEST, Cipher(KEY).lock(b"another", bytes.fromhex(DIGEST)))
    with pytest.raises(DamagedDocumentError, match="has another"):
        shelf.store().get(DIGEST)


def test_another_key_opens_nothing_and_replaces_nothing(shelf: Shelf):
    shelf.store().add(DOCUMENT)
    with pytest.raises(UnreadableDocumentError, match="another key"):
        shelf.store(bytes(32)).get(DIGEST)
    with pytest.raises(UnreadableDocumentError):
        shelf.store(bytes(32)).add(DOCUMENT)
    assert shelf.store().get(DIGEST) == DOCUMENT


def test_a_crash_before_the_rename_leaves_nothing_that_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Crashed(BaseException):
        pass

    def crash(self: Path, *_: object, **__: object) -> None:
        raise Crashed

    documents = store(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", crash)
        patched.setattr(Path, "unlink", crash)
        with pytest.raises(Crashed):
            documents.add(DOCUMENT)
    assert [path.parent.name for path in files(tmp_path)] == ["new"]
    with pytest.raises(MissingDocumentError):
        documents.get(DIGEST)
    assert documents.add(DOCUMENT) == DIGEST
    assert documents.get(DIGEST) == DOCUMENT


def test_many_at_once_keep_every_document_whole(shelf: Shelf):
    wrong: list[BaseException] = []

    def work(number: int) -> None:
        try:
            documents = shelf.store()
            for n in range(10):
                data = DOCUMENT + bytes([n])
                assert documents.get(documents.add(data)) == data
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(shelf.raw()) == 10


def test_a_key_comes_from_a_file_of_hexadecimal_digits(tmp_path: Path):
    path = tmp_path / "key"
    path.write_text(KEY.hex() + "\n")
    assert Cipher.from_file(path).unlock(Cipher(KEY).lock(b"x", b"d"), b"d") == b"x"
    for text in ("", "zz", KEY.hex()[:-2], "é"):
        path.write_text(text)
        with pytest.raises(ValueError, match="key") as raised:
            Cipher.from_file(path)
        assert KEY.hex()[:10] not in str(raised.value)
    with pytest.raises(ValueError, match="No such file"):
        Cipher.from_file(tmp_path / "none")
