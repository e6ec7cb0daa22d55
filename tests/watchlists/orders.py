"""Orders and releases as they are sent, small and whole, for the tests of what remembers them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from watchlists.index import Logged
from watchlists.order import read_order


def order(
    id_: str,
    version: int,
    passports: Sequence[str],
    *,
    court: str = "440106",
    action: str = "place",
    handler: str = "李法官",
    phone: str = "020-00000000",
    case: str = "(2026)粤0106执1234号",
) -> Logged:
    """A judicial detention of the holder of these passports."""
    return _logged(
        {
            "id": id_,
            "version": version,
            "action": action,
            "measure": "judicial_detention",
            "issued_at": "2026-11-20T09:00:00+08:00",
            "case": {"number": case, "party_role": "judgment_debtor"},
            "court": {"code": court},
            "handler": {"name": handler, "phone": phone},
            "person": {"name": "王伟", "documents": [{"type": "passport", "number": number} for number in passports]},
            "control": {"from": "2026-11-20T00:00:00+08:00"},
            "documents": [{"kind": kind, "sha256": "0" * 64} for kind in ("detention_decision", "assistance_notice")],
        }
    )


def release(id_: str, version: int, *, court: str = "440106") -> Logged:
    return _logged(
        {
            "id": id_,
            "version": version,
            "action": "release",
            "issued_at": "2026-11-21T09:00:00+08:00",
            "court": {"code": court},
            "reason": "fulfilled",
        }
    )


def _logged(fields: dict[str, Any]) -> Logged:
    raw = json.dumps(fields, ensure_ascii=False).encode()
    return Logged(read_order(raw), raw)
