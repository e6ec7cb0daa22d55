"""Documents of two courts of today, and a deployment's folders for them."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from synthetic.seals import YEAR, Authority, pdf
from tests.watchlists import orders

COURT, OTHER = "440106", "440105"
KEY = "5e" * 32


class Office(NamedTuple):
    """A deployment's folders, and documents of two courts of today."""

    folder: Path
    sent: Path
    sealed: bytes
    notice: bytes
    others: bytes

    def kept(self) -> set[str]:
        return {path.name for path in (self.folder / "kept").rglob("*") if path.is_file()}

    def fields(self, id_: str = "ZX-1", *documents: bytes, version: int = 1, **changes: Any) -> dict[str, Any]:
        """An order that lists these documents; the two good ones where none are said."""
        action = "place" if version == 1 else "amend"
        fields: dict[str, Any] = json.loads(orders.order(id_, version, ["E12345678"], action=action).raw)
        for listed, data in zip(fields["documents"], documents or (self.sealed, self.notice), strict=True):
            listed["sha256"] = hashlib.sha256(data).hexdigest()
        return fields | changes


def open_office(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    authority = Authority("合成省法院证书", now - YEAR)
    seal, other = (authority.seal(code, "合成法院", now - YEAR) for code in (COURT, OTHER))
    trust, sent = folder / "trust", folder / "sent"
    (trust / "crls").mkdir(parents=True)
    (trust / "44.pem").write_bytes(authority.pem())
    (trust / "crls" / "44.crl").write_bytes(authority.crl(now))
    sent.mkdir()
    (folder / "key").write_text(KEY)
    for name, value in (("TRUST", trust), ("FOLDER", folder / "kept"), ("KEY_FILE", folder / "key")):
        monkeypatch.setenv(f"CHAKONG_DOCUMENTS_{name}", str(value))
    return Office(
        folder,
        sent,
        seal.put_on(pdf(["拘留决定书"]), now),
        seal.put_on(pdf(["协助执行通知书"]), now),
        other.put_on(pdf(["协助执行通知书"]), now),
    )
