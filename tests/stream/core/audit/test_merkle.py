"""Trees and proofs against RFC 9162's own recursive definitions, written down once more."""

from __future__ import annotations

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from stream.core.audit import merkle
from stream.core.audit.merkle import (
    EMPTY_ROOT,
    Tree,
    consistency_proof,
    includes,
    inclusion_proof,
    is_beginning,
    leaf_hash,
    root_of,
)

ENTRIES = st.lists(st.binary(max_size=40), min_size=1, max_size=70)


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def head(entries: list[bytes]) -> bytes:
    """MTH of RFC 9162, section 2.1.1, from the entries themselves."""
    if not entries:
        return sha(b"")
    if len(entries) == 1:
        return sha(b"\x00" + entries[0])
    half = 1
    while half * 2 < len(entries):
        half *= 2
    return sha(b"\x01" + head(entries[:half]) + head(entries[half:]))


def climb(entries: list[bytes], index: int, path: list[bytes]) -> bytes:
    """The root that a path leads to, by the recursive definition of section 2.1.3.1."""
    if len(entries) == 1:
        return sha(b"\x00" + entries[0])
    half = 1
    while half * 2 < len(entries):
        half *= 2
    if index < half:
        return sha(b"\x01" + climb(entries[:half], index, path[:-1]) + path[-1])
    return sha(b"\x01" + path[-1] + climb(entries[half:], index - half, path[:-1]))


def test_known_roots() -> None:
    """The test vectors of the certificate-transparency project."""
    entries = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
    entries.append(bytes.fromhex("606162636465666768696a6b6c6d6e6f"))
    leaves = [leaf_hash(one) for one in entries]
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert root_of(leaves[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert root_of(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@given(ENTRIES)
@settings(max_examples=100, deadline=None)
def test_a_growing_tree_has_the_roots_of_the_definition(entries: list[bytes]) -> None:
    tree = Tree()
    assert tree.root() == head([])
    for count, one in enumerate(entries, 1):
        tree.append(leaf_hash(one))
        assert (tree.size, tree.root()) == (count, head(entries[:count]))


@given(ENTRIES, st.data())
@settings(max_examples=200, deadline=None)
def test_an_inclusion_proof_proves_its_leaf_and_no_other(entries: list[bytes], data: st.DataObject) -> None:
    leaves, root = [leaf_hash(one) for one in entries], head(entries)
    index = data.draw(st.integers(0, len(entries) - 1))
    path = inclusion_proof(leaves, index)
    assert climb(entries, index, path) == root
    assert includes(root, len(entries), index, leaves[index], path)
    other = data.draw(st.integers(0, len(entries) - 1).filter(lambda one: entries[one] != entries[index]) | st.just(-1))
    assert not includes(root, len(entries), index, leaf_hash(b"another" * 7), path)
    assert not includes(root, len(entries), index, leaves[index], [*path, root])
    assert not path or not includes(root, len(entries), index, leaves[index], path[:-1])
    if other != index:
        assert not includes(root, len(entries), other, leaves[index], path)


@given(ENTRIES, st.data())
@settings(max_examples=200, deadline=None)
def test_a_consistency_proof_proves_the_beginning_and_no_other(entries: list[bytes], data: st.DataObject) -> None:
    leaves, root = [leaf_hash(one) for one in entries], head(entries)
    size = data.draw(st.integers(1, len(entries)))
    path = consistency_proof(leaves, size)
    assert is_beginning(head(entries[:size]), size, root, len(entries), path)
    assert not is_beginning(head([*entries[: size - 1], b"another" * 7]), size, root, len(entries), path)
    assert not is_beginning(head(entries[:size]), size, sha(root), len(entries), path)
    assert not is_beginning(head(entries[:size]), size, root, len(entries), [*path, root])


def test_what_is_not_there_has_no_proof() -> None:
    leaves = [leaf_hash(b"1"), leaf_hash(b"2")]
    for wrong in (
        lambda: inclusion_proof(leaves, 2),
        lambda: consistency_proof(leaves, 0),
        lambda: consistency_proof(leaves, 3),
    ):
        try:
            wrong()
        except IndexError:
            continue
        raise AssertionError
    assert not includes(merkle.EMPTY_ROOT, 0, 0, leaves[0], [])
    assert not is_beginning(leaves[0], 3, leaves[0], 2, [])
