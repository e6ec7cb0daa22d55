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
    return msgspec.json.encode(value, order="sorted")


def _check(value: Any) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            if not name.isascii():
                raise ValueError("a name is not ASCII")
            _check(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check(item)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int):
        if abs(value) > INTEGER_MAX:
            raise ValueError("a whole number is beyond 2^53")
    elif isinstance(value, str):
        _check_text(value)
    else:
        raise ValueError(f"a record holds no {type(value).__name__}")


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("a text is not Unicode") from None
