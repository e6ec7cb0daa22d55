"""Orders of the synthetic world that list two documents, those documents, really sealed, and a trust store to check them by."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from synthetic.seals import YEAR, Authority
from synthetic.series import Series
from synthetic.world import World

SEED: Final = 7
ORDERS: Final = "orders.ndjson"


class Corpus:
    """What lies in ``folder``: ``orders.ndjson``, ``documents/``, ``trust/``, and a ``key`` to keep documents under.

    Every order has a decision of its own; a notice is shared by so many orders of a court at most. ``done`` is called for
    each order.
    """

    def __init__(self, folder: Path, orders: int, shared: int, done: Callable[[], None]) -> None:
        self._folder, self._shared = folder, shared
        self._now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        self._authority = Authority("合成法院证书", self._now - YEAR)
        self._series: dict[str, Series] = {}
        self._notices: dict[str, list[str]] = {}
        self._documents = self._bytes = 0
        began = time.monotonic()
        self._prepare()
        with (folder / ORDERS).open("wb") as file:
            for fields in _two_documents(orders):
                file.write(msgspec.json.encode(self._sealed(fields)) + b"\n")
                done()
        self.told: Final = {
            "orders": orders,
            "documents_listed": 2 * orders,
            "documents_distinct": self._documents,
            "orders_a_notice_at_most": shared,
            "courts": len(self._series),
            "document_bytes": round(self._bytes / self._documents),
            "sealed_in_s": round(time.monotonic() - began, 1),
        }

    def _prepare(self) -> None:
        (self._folder / "trust" / "crls").mkdir(parents=True)
        (self._folder / "trust" / "crls" / "all.crl").write_bytes(self._authority.crl(self._now))
        (self._folder / "documents").mkdir()
        (self._folder / "key").write_text(os.urandom(32).hex())

    def _sealed(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The order, with the digests of its documents."""
        court = fields["court"]
        decision, notice = fields["documents"]
        decision["sha256"] = self._document(court, f"{fields['id']} {decision['kind']}")
        left = self._notices.setdefault(court["code"], [])
        if not left:
            left += [self._document(court, f"{fields['id']} {notice['kind']}")] * self._shared
        notice["sha256"] = left.pop()
        return fields

    def _document(self, court: dict[str, str], line: str) -> str:
        data = self._series_of(court).document(line)
        digest = hashlib.sha256(data).hexdigest()
        (self._folder / "documents" / f"{digest}.pdf").write_bytes(data)
        self._documents += 1
        self._bytes += len(data)
        return digest

    def _series_of(self, court: dict[str, str]) -> Series:
        code = court["code"]
        if code not in self._series:
            (self._folder / "trust" / f"{code}.pem").write_bytes(self._authority.pem())
            seal = self._authority.seal(code, court["name"], self._now - YEAR)
            self._series[code] = Series(seal, ["合成文书"], self._now)
        return self._series[code]


def _two_documents(orders: int) -> Iterator[dict[str, Any]]:
    """So many orders of the synthetic world that list two documents: all but exit restrictions."""
    left = orders
    for record in World(SEED, orders=4 * orders).orders():
        fields = json.loads(record.value)
        if len(fields["documents"]) == 2:
            yield fields
            left -= 1
        if not left:
            return
    raise RuntimeError("the world has too few orders with two documents")
