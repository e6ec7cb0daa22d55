"""Confirmations, whole and valid unless a test says otherwise."""

import datetime as dt
from typing import Any, Final

from hypothesis import strategies as st

from stream.core.confirmation import MEANINGS, Answer, Confirmation, confirmation_id
from tests.stream.core.hits import AT

HIT: Final = "964cdc0c-16a6-5a56-b56f-d1b8e9692129"
FIELDS: Final[dict[str, Any]] = {
    "id": "9a3f2a2e-6d0c-5d9f-8a55-3a7ad3c9a001",
    "hit_id": HIT,
    "at": "2026-11-24T22:20:00+08:00",
    "by": {"court": "440106", "name": "李法官", "role": "承办法官"},
    "answer": "acknowledged",
}


def confirmation(answer: Answer, *, at_s: float = 0.0, minutes: int | None = None, key: str | None = None) -> Confirmation:
    """An answer so many seconds after ``AT``."""
    if answer == "needs_minutes" and minutes is None:
        minutes = 30
    return Confirmation.model_validate(
        FIELDS
        | {
            "id": confirmation_id("440106", HIT, key if key is not None else f"{answer} {at_s}"),
            "at": AT + dt.timedelta(seconds=at_s),
            "answer": answer,
            "minutes": minutes,
        }
    )


def confirmations() -> st.SearchStrategy[Confirmation]:
    """Answers within two hours; several may share an id, as a retry does."""
    minutes = st.integers(1, 90)
    return st.builds(
        lambda answer, at_s, minutes, key: confirmation(
            answer, at_s=at_s, minutes=minutes if answer == "needs_minutes" else None, key=key
        ),
        st.sampled_from(sorted(MEANINGS)),
        st.integers(0, 7200),
        minutes,
        st.sampled_from([None, "a", "b"]),
    )
