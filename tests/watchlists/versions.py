"""Versions of provincial rules, whole and valid unless a test says otherwise."""

from __future__ import annotations

import datetime as dt
from typing import Any

from watchlists.rules import RulesVersion

AT = dt.datetime(2026, 11, 20, 1, 0, tzinfo=dt.UTC)


def version(number: int = 1, side: str = "court", province: str = "44", **rules: Any) -> RulesVersion:
    """Made a day after the one before it, and counting at once; ``rules`` may hold ``effective_from`` besides."""
    at = AT + dt.timedelta(days=number)
    return RulesVersion.model_validate(
        {
            "id": f"{province}-{side}-{number}",
            "province": province,
            "side": side,
            "version": number,
            "at": at,
            "by": {"id": "somebody", "role": "supervisor" if side == "court" else "police"},
            "reason": "值班调整",
            "effective_from": rules.pop("effective_from", at),
            "rules": {"narrow": (), **rules},
        }
    )
