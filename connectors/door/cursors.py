"""Cursors: how far a court has read its inbox, or a list was read, as a text that is kept and handed back.

A cursor says where to go on in each partition, and no more: whoever invents one sees only notifications of their own court.

    ValueError
    └── CursorError    not a cursor
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated, Final

import msgspec

from connectors.redis.incidents import Listed

Positions = dict[int, int]
"""Partition to the offset of the next record."""

CHARACTERS_MAX: Final = 8192
_FORM: Final = "v1."
_LISTED: Final = re.compile(r"i1\.([0-9]{1,17})\.([0-9a-f-]{36})")
_decoder: Final = msgspec.json.Decoder(
    dict[Annotated[int, msgspec.Meta(ge=0, le=1 << 31)], Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]]
)


class CursorError(ValueError):
    """Not a cursor of this door."""


def write_listed(place: Listed) -> str:
    """The cursor of a place in the list of incidents."""
    return f"i1.{place.opened_us}.{place.id}"


def read_listed(text: str) -> Listed:
    """The place in a cursor of incidents.

    Raises:
        CursorError: it is none.
    """
    found = _LISTED.fullmatch(text)
    if found is None:
        raise CursorError("not a cursor of this door")
    return Listed(int(found[1]), found[2])


def write_cursor(positions: Positions) -> str:
    """The cursor of these positions."""
    ordered = {str(partition): positions[partition] for partition in sorted(positions)}
    return _FORM + base64.urlsafe_b64encode(msgspec.json.encode(ordered)).decode("ascii").rstrip("=")


def read_cursor(text: str) -> Positions:
    """The positions in a cursor.

    Raises:
        CursorError: it is none.
    """
    encoded = text.removeprefix(_FORM)
    if encoded == text or len(text) > CHARACTERS_MAX or not text.isascii():
        raise CursorError("not a cursor of this door")
    try:
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        return _decoder.decode(raw)
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CursorError("not a cursor of this door") from None
