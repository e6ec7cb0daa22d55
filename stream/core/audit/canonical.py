"""The one way to write an audit record as bytes: RFC 8785, the JSON Canonicalization Scheme.

A record has no floats, no whole numbers beyond 2^53 and no names beyond ASCII. Within that, RFC 8785 is what msgspec writes
with sorted names: shortest escapes, no spaces, UTF-8.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

INTEGER_MAX: Final = (1 << 53) - 1


def canonical(value: dict[str, Any]) -> bytes:
    """An object's canonical bytes.

    Raises:
        ValueError: it holds what a record does not have: a float, a whole number beyond 2^53, a name beyond ASCII, or a text
            that is not Unicode.
    """
    _check(value)
    return written(value)


def written(value: dict[str, Any]) -> bytes:
    """The canonical bytes of what only differs in a text from what has some. Raises ValueError: that is not Unicode."""
    try:
        return msgspec.json.encode(value, order="sorted")
    except UnicodeEncodeError:
        raise ValueError("a text is not Unicode") from None


def _check(value: dict[str, Any]) -> None:
    left: list[Any] = [value]
    for item in left:  # which grows meanwhile
        if isinstance(item, str) or item is None or isinstance(item, bool):
            continue
        if isinstance(item, dict):
            if not all(map(str.isascii, item)):
                raise ValueError("a name is not ASCII")
            left += item.values()
        elif isinstance(item, list | tuple):
            left += item
        elif not isinstance(item, int):
            raise ValueError(f"a record holds no {type(item).__name__}")
        elif abs(item) > INTEGER_MAX:
            raise ValueError("a whole number is beyond 2^53")
