"""A document comes back as it went in or not at all, and is nowhere to be read on the disk."""

import hashlib
import threading
from pathlib import Path

import pytest

from connectors.documents.cipher import Cipher
from connectors.documents.store import DirectoryDocuments
from stream.core.seals import DamagedDocumentError, MissingDocumentError, UnreadableDocumentError

DOCUMENT = b"%PDF-1.7 " + "判决".encode() * 1000
DIGEST = hashlib.sha256(DOCUMENT).hexdigest()
KEY = bytes(range(32))


def store(folder: Path, key: bytes = KEY) -> DirectoryDocuments:
    return DirectoryDocuments(folder / "documents", Cipher(key))


def files(folder: Path) -> list[Path]:
    return [path for path in (folder / "documents").rglob("*") if path.is_file()]


def test_what_goes_in_comes_out(tmp_path: Path):
    assert store(tmp_path).add(DOCUMENT) == DIGEST
    assert store(tmp_path).get(DIGEST) == DOCUMENT
    assert store(tmp_path).get(store(tmp_path).add(b"")) == b""


def test_the_disk_shows_nothing_of_it_and_only_its_owner_sees_that(tmp_path: Path):
    store(tmp_path).add(DOCUMENT)
    (kept,) = files(tmp_path)
    assert kept.relative_to(tmp_path).parts == ("documents", DIGEST[:2], DIGEST[2:4], DIGEST)
    assert "判决".encode() not in kept.read_bytes()
    assert kept.stat().st_mode & 0o077 == 0
    assert (tmp_path / "documents").stat().st_mode & 0o077 == 0


def test_the_same_document_twice_is_stored_once(tmp_path: Path):
    store(tmp_path).add(DOCUMENT)
    (kept,) = files(tmp_path)
    before = kept.read_bytes()
    assert store(tmp_path).add(DOCUMENT) == DIGEST
    assert [path.read_bytes() for path in files(tmp_path)] == [before]


def test_a_missing_document_is_said_to_be_missing(tmp_path: Path):
    with pytest.raises(MissingDocumentError, match=DIGEST):
        store(tmp_path).get(DIGEST)


@pytest.mark.parametrize("digest", ["", "..", "../../etc/passwd", DIGEST.upper(), DIGEST + "0", DIGEST[:-1], DIGEST + "\n"])
def test_what_is_no_digest_is_no_path(tmp_path: Path, digest: str):
    store(tmp_path).add(DOCUMENT)
    with pytest.raises(MissingDocumentError, match="64"):
        store(tmp_path).get(digest)


@pytest.mark.parametrize("place", [0, 5, 12, 30, 70, 90, 200, -1])
def test_a_flipped_bit_is_seen(tmp_path: Path, place: int):
    store(tmp_path).add(DOCUMENT)
    (kept,) = files(tmp_path)
    raw = bytearray(kept.read_bytes())
    raw[place] ^= 1
    kept.write_bytes(raw)
    with pytest.raises((DamagedDocumentError, UnreadableDocumentError), match=DIGEST):
        store(tmp_path).get(DIGEST)


def test_a_damaged_document_is_mended_by_adding_it_again(tmp_path: Path):
    store(tmp_path).add(DOCUMENT)
    (kept,) = files(tmp_path)
    for raw in (b"", kept.read_bytes()[:50], kept.read_bytes()[:-1]):
        kept.write_bytes(raw)
        with pytest.raises(DamagedDocumentError, match=DIGEST):
            store(tmp_path).get(DIGEST)
    store(tmp_path).add(DOCUMENT)
    assert store(tmp_path).get(DIGEST) == DOCUMENT


def test_a_document_under_anothers_name_does_not_open(tmp_path: Path):
    documents = store(tmp_path)
    other = documents.add(b"another")
    documents.add(DOCUMENT)
    kept = {path.name: path for path in files(tmp_path)}
    kept[DIGEST].write_bytes(kept[other].read_bytes())
    with pytest.raises(DamagedDocumentError):
        documents.get(DIGEST)


def test_what_was_locked_under_a_digest_that_it_has_not_is_damaged(tmp_path: Path):
    store(tmp_path).add(DOCUMENT)
    (kept,) = files(tmp_path)
    kept.write_bytes(Cipher(KEY).lock(b"another", bytes.fromhex(DIGEST)))
    with pytest.raises(DamagedDocumentError, match="has another"):
        store(tmp_path).get(DIGEST)


def test_another_key_opens_nothing_and_replaces_nothing(tmp_path: Path):
    store(tmp_path).add(DOCUMENT)
    with pytest.raises(UnreadableDocumentError, match="another key"):
        store(tmp_path, bytes(32)).get(DIGEST)
    with pytest.raises(UnreadableDocumentError):
        store(tmp_path, bytes(32)).add(DOCUMENT)
    assert store(tmp_path).get(DIGEST) == DOCUMENT


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


def test_many_at_once_keep_every_document_whole(tmp_path: Path):
    wrong: list[BaseException] = []

    def work(number: int) -> None:
        try:
            documents = store(tmp_path)
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
    assert len(files(tmp_path)) == 10


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
