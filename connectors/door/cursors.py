"""Cursors: how far a court has read its inbox, as a text that it keeps and hands back.

A cursor says where to go on in each partition, and no more: whoever invents one sees only notifications of their own court.

    ValueError
    └── CursorError    not a cursor
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Final

import msgspec

Positions = dict[int, int]
"""Partition to the offset of the next record."""

CHARACTERS_MAX: Final = 8192
_FORM: Final = "v1."
_decoder: Final = msgspec.json.Decoder(
    dict[Annotated[int, msgspec.Meta(ge=0, le=1 << 31)], Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]]
)


class CursorError(ValueError):
    """Not a cursor of this door."""


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
