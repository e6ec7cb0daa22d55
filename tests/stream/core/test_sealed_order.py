"""An order may be placed only with every document that it lists, each as its own court sealed it."""

import json

import pytest

from stream.core.seal_verdict import SealReason, SealVerdict
from stream.core.sealed_order import all_good, documents_of
from stream.core.seals import DamagedDocumentError, MissingDocumentError, UnreadableDocumentError
from tests.watchlists import orders
from watchlists.lifecycle import UNKNOWN, decide
from watchlists.order import Order, read_order

KEPT = {"a" * 64: b"440106", "b" * 64: b"440105"}


class Kept:
    """Documents that hold no more than their court's code."""

    def get(self, digest: str) -> bytes:
        if digest == "c" * 64:
            raise DamagedDocumentError(digest)
        if digest == "d" * 64:
            raise UnreadableDocumentError(digest)
        if digest not in KEPT:
            raise MissingDocumentError(digest)
        return KEPT[digest]


class Courts:
    """Takes the code that a document holds for its seal."""

    def verify(self, data: bytes, court: str) -> SealVerdict:
        return SealVerdict(reason=SealReason.SEALED if data.decode() == court else SealReason.OTHER_COURT, court=data.decode())


def order(*digests: str) -> Order:
    fields = json.loads(orders.order("A", 1, ["E12345678"]).raw)
    kinds = ("detention_decision", "assistance_notice", "annex")
    fields["documents"] = [{"kind": kind, "sha256": digest} for kind, digest in zip(kinds, digests, strict=False)]
    made = read_order(json.dumps(fields).encode())
    assert isinstance(made, Order)
    return made


@pytest.mark.parametrize(
    ("digests", "reasons"),
    [
        ("aa", [SealReason.SEALED, SealReason.SEALED]),
        ("ab", [SealReason.SEALED, SealReason.OTHER_COURT]),
        ("ac", [SealReason.SEALED, SealReason.DAMAGED]),
        ("ea", [SealReason.MISSING, SealReason.SEALED]),
        ("aae", [SealReason.SEALED, SealReason.SEALED, SealReason.MISSING]),
    ],
)
def test_each_document_is_told_and_one_that_fails_fails_the_order(digests: str, reasons: list[SealReason]) -> None:
    checked = documents_of(order(*(digit * 64 for digit in digests)), Kept(), Courts())
    assert [one.verdict.reason for one in checked] == reasons
    assert all_good(checked) is all(reason is SealReason.SEALED for reason in reasons)


def test_no_document_is_no_order() -> None:
    assert not all_good(())


def test_another_key_is_the_stores_fault_and_not_the_orders() -> None:
    with pytest.raises(UnreadableDocumentError):
        documents_of(order("d" * 64, "a" * 64), Kept(), Courts())


@pytest.mark.parametrize(("digests", "in_place"), [("aa", True), ("ab", False), ("ae", False), ("ac", False)])
def test_S4_4_an_electronic_order_is_in_force_by_its_sealed_documents_and_nothing_else(digests: str, in_place: bool) -> None:
    """No paper, no visit and no second act is waited for; and without the seals nothing was ordered."""
    placed = order(*(digit * 64 for digit in digests))
    good = all_good(documents_of(placed, Kept(), Courts()))
    held = decide(UNKNOWN, placed).held if good else UNKNOWN
    assert held.in_place is in_place
