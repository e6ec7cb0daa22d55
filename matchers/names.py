"""Names: compared to raise doubt, never to match. A name alone nominates nobody (contract, "Keys")."""

from __future__ import annotations

from collections.abc import Iterable

from matchers.text import clean_name


def contradicts(seen: str | None, known: Iterable[str]) -> bool:
    """Whether a name, given, is none of the names known; with nothing on one side there is no contradiction."""
    if seen is None or not (cleaned := clean_name(seen)):
        return False
    names = {name for name in map(clean_name, known) if name}
    return bool(names) and cleaned not in names
