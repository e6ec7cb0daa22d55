"""Cleaning that every identifier goes through before it is compared (contract, "Keys").

All functions are pure, total over ``str`` and idempotent: ``clean(clean(s)) == clean(s)``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Final

_HYPHENS: Final = (
    "\u002d\u00ad\u058a\u05be\u1400\u1806\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212"
    "\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u2e5d\u301c\u3030\u30a0"
)
"""Unicode's dash punctuation and what is drawn like it; NFKC makes the full-width and small ones one of these."""
_MIDDLE_DOTS: Final = "\u00b7\u0387\u16eb\u2022\u2027\u2219\u22c5\u2e31\u30fb\ua78f"
_INVISIBLE: Final = (
    "\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
"""Spaces without width and the marks of writing direction, which copying from a document brings along."""
_DROP_FROM_IDENTIFIERS: Final = dict.fromkeys(map(ord, _HYPHENS + _MIDDLE_DOTS + _INVISIBLE))
_DROPPED: Final = re.compile(f"[\\s{re.escape(_HYPHENS + _MIDDLE_DOTS + _INVISIBLE)}]+")
_SETTLED: Final = re.compile(r"[0-9A-Z\u4e00-\u9fff]*")
"""Characters that NFKC, upper-casing and dropping leave alone, alone and side by side."""
_DROP_FROM_NAMES: Final = dict.fromkeys(map(ord, _MIDDLE_DOTS + _INVISIBLE))


def clean(identifier: str) -> str:
    """The identifier in NFKC, upper case, without spaces, hyphens and middle dots.

    Upper-casing and dropping characters can each undo NFKC (``"ŉ".upper()`` is two characters), so the three steps are
    repeated until nothing changes. ASCII is done after one pass, and so is what then holds nothing but digits, letters and
    ideographs.
    """
    if _SETTLED.fullmatch(identifier):
        return identifier
    if identifier.isascii():
        return "".join(identifier.upper().replace("-", "").split())
    short = _DROPPED.sub("", unicodedata.normalize("NFKC", identifier).upper())
    return short if _SETTLED.fullmatch(short) else _in_full(identifier)


def _in_full(identifier: str) -> str:
    return _until_stable(identifier, lambda text: _drop(text.upper(), _DROP_FROM_IDENTIFIERS))


def clean_name(name: str) -> str:
    """The name in NFKC, case folded, without spaces and middle dots: what two names are compared by."""
    return _until_stable(name, lambda text: _drop(text.casefold(), _DROP_FROM_NAMES))


def _drop(text: str, characters: Mapping[int, None]) -> str:
    return "".join(text.translate(characters).split())


def _until_stable(text: str, step: Callable[[str], str]) -> str:
    while True:
        cleaned = unicodedata.normalize("NFKC", step(unicodedata.normalize("NFKC", text)))
        if cleaned == text:
            return cleaned
        text = cleaned
