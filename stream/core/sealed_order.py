"""The documents of an order, checked before it is placed: an order takes effect only with all of them (S3.2, S3.3, S4.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from stream.core.seal_verdict import SealReason, SealVerdict
from stream.core.seals import SEAL_WORDS, DamagedDocumentError, MissingDocumentError, SealVerifier
from watchlists.order import Order


class Documents(Protocol):
    """Where the documents of an order are looked for: a ``DocumentStore``, or what a court has just sent."""

    def get(self, digest: str) -> bytes:
        """The document with this digest, verified. Raises DocumentError."""


class Checked(NamedTuple):
    """One document that an order lists, and what was found."""

    kind: str
    sha256: str
    verdict: SealVerdict


def documents_of(order: Order, documents: Documents, verifier: SealVerifier) -> tuple[Checked, ...]:
    """Every document that the order lists, checked as its court's; in the order's sequence.

    Which kinds an order needs was checked when it was read (``watchlists.order.REQUIRED_DOCUMENTS``).

    Raises:
        UnreadableDocumentError: the store has another key; nothing is said of the order.
    """
    return tuple(
        Checked(listed.kind, listed.sha256, _verdict(listed.sha256, order.court.code, documents, verifier))
        for listed in order.documents
    )


def all_good(checked: Sequence[Checked]) -> bool:
    """Whether the order may be placed. An order without a document may not."""
    return bool(checked) and all(one.verdict.good for one in checked)


def refusal(checked: Sequence[Checked]) -> str:
    """Why an order may not be placed: each document that fails, in one line."""
    bad = [one for one in checked if not one.verdict.good]
    return "; ".join(f"{one.kind}: {one.verdict.reason} ({SEAL_WORDS[one.verdict.reason].en})" for one in bad)


def _verdict(digest: str, court: str, documents: Documents, verifier: SealVerifier) -> SealVerdict:
    try:
        data = documents.get(digest)
    except MissingDocumentError:
        return SealVerdict(reason=SealReason.MISSING)
    except DamagedDocumentError:
        return SealVerdict(reason=SealReason.DAMAGED)
    return verifier.verify(data, court)
