"""Documents at the door: checked in threads of their own, kept if they are as the caller's court sealed them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from connectors.door.limits import Slots
from connectors.door.problems import ProblemError
from stream.core.hit import Says
from stream.core.seal_verdict import SealVerdict
from stream.core.sealed_order import Checked, documents_of
from stream.core.seals import SEAL_WORDS, DocumentStore, MissingDocumentError, SealVerifier
from watchlists.order import Order

THREADS: Final = 4
RETRY_S: Final = "5"
OTHER_DIGEST: Final = Says(zh="文书内容与路径中的 SHA-256 不符", en="its SHA-256 is not the one in the path")
_Result = TypeVar("_Result")


class Documents:
    """What the door keeps and fetches of documents.

    A document is up to ``bytes_max`` of memory for as long as it is on its way, so as many as ``slots`` has are at once.
    """

    def __init__(self, store: DocumentStore, verifier: SealVerifier, at_once: int) -> None:
        self._store, self._verifier = store, verifier
        self.slots: Final = Slots(at_once)
        self._pool = ThreadPoolExecutor(THREADS, "documents")

    async def keep(self, court: str, digest: str, data: bytes) -> SealVerdict:
        """Keep a document, durably.

        Raises:
            ProblemError: ``document_refused``: it has another digest, or is not as that court sealed it.
        """
        if await self._run(lambda: hashlib.sha256(data).hexdigest()) != digest:
            raise _refused("other_digest", OTHER_DIGEST)
        verdict = await self._run(lambda: self._verifier.verify(data, court))
        if not verdict.good:
            raise _refused(verdict.reason, SEAL_WORDS[verdict.reason])
        await self._run(lambda: self._store.add(data))
        return verdict

    async def get(self, digest: str) -> bytes:
        """A document. Raises ProblemError: ``not_found``."""
        try:
            return await self._run(lambda: self._store.get(digest))
        except MissingDocumentError:
            raise ProblemError("not_found") from None

    async def checked(self, order: Order) -> tuple[Checked, ...]:
        """Every document that an order lists, as its court's."""
        return await self._run(lambda: documents_of(order, self._store, self._verifier))

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, what: Callable[[], _Result]) -> _Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, what)
        except OSError:  # the disk, the object storage, or no process to be had
            raise ProblemError("unavailable", headers={"retry-after": RETRY_S}) from None


def refused_documents(checked: Sequence[Checked]) -> list[dict[str, str]]:
    """The documents that keep an order from being placed, as a problem tells them."""
    bad = [one for one in checked if not one.verdict.good]
    return [
        {
            "kind": one.kind,
            "sha256": one.sha256,
            "reason": one.verdict.reason,
            "zh": SEAL_WORDS[one.verdict.reason].zh,
            "en": SEAL_WORDS[one.verdict.reason].en,
        }
        for one in bad
    ]


def _refused(reason: str, says: Says) -> ProblemError:
    return ProblemError("document_refused", reason=reason, zh=says.zh, en=says.en)
