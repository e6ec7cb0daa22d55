"""JSON, token by token, over the bytes of many records: the part of the fast reader that knows the grammar (RFC 8259).

A text is the records with a byte of nought behind each, and a word of them behind the last. No JSON holds that byte as it
is, so whatever runs over the end of its record stops there, and nothing here needs to be told where a record ends. Positions
are indices of the text; a negative one means that the text is not what was looked for, or more than is read here. Strings
are not decoded; that their bytes are UTF-8 is for whoever looks at them.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from matchers.native import WORD_BYTES, byte_at, first_marked, inlined, shared, word_at

Text = NDArray[np.uint8]

PADDING: Final = WORD_BYTES
"""Bytes of nought behind the last record."""
NESTED_MAX: Final = 48
_EACH: Final = 0x0101010101010101
_BIT: Final = np.uint64(1)
_ONES, _HIGH = np.uint64(_EACH), np.uint64(_EACH * 0x80)
_QUOTES, _BACKSLASHES, _SPACES = np.uint64(_EACH * 0x22), np.uint64(_EACH * 0x5C), np.uint64(_EACH * 0x20)
_HALF: Final = np.uint64(0xFFFFFFFF)
_TRUE, _FALS, _NULL = (np.uint64(int.from_bytes(word, "little")) for word in (b"true", b"fals", b"null"))
_OPEN, _CLOSE, _OPEN_LIST, _CLOSE_LIST, _QUOTE, _BACKSLASH, _COMMA, _COLON = b'{}[]"\\,:'
_ZERO, _NINE, _MINUS, _PLUS, _POINT, _SMALL_E, _LARGE_E, _U = b"09-+.eEu"
_BLANK: Final = 32
_SPACE: Final = np.isin(np.arange(256), list(b" \t\r\n"))
_ESCAPED: Final = np.isin(np.arange(256), list(b'"\\/bfnrt'))
"""What may stand behind a backslash, but for the u before four hexadecimal digits."""


@inlined
def after_space(text: Text, at: int) -> int:
    """The next byte that is no white space."""
    while byte_at(text, at) <= _BLANK and _SPACE[byte_at(text, at)]:
        at += 1
    return at


@inlined
def plain_end(text: Text, at: int) -> Any:
    """From within a string on, the first byte that is a quote, a backslash or a control character."""
    while True:
        word = word_at(text, at)
        quotes, backslashes = word ^ _QUOTES, word ^ _BACKSLASHES
        marks = (((quotes - _ONES) & ~quotes) | ((backslashes - _ONES) & ~backslashes) | ((word - _SPACES) & ~word)) & _HIGH
        if marks:
            return at + first_marked(marks)
        at += WORD_BYTES


@inlined
def string_end(text: Text, at: int) -> int:
    """The closing quote of a string without escapes whose opening quote is at ``at``."""
    if byte_at(text, at) != _QUOTE:
        return -1
    end = plain_end(text, at + 1)
    return end if byte_at(text, end) == _QUOTE else -1


@inlined
def after_string(text: Text, at: int) -> int:
    """Behind a string, escapes and all, whose opening quote is at ``at``."""
    if byte_at(text, at) != _QUOTE:
        return -1
    at = plain_end(text, at + 1)
    while byte_at(text, at) == _BACKSLASH:
        escaped = byte_at(text, at + 1)
        if escaped == _U:
            for place in range(at + 2, at + 6):
                digit = byte_at(text, place)
                if not (_ZERO <= digit <= _NINE or 97 <= (digit | 32) <= 102):
                    return -1
            at += 6
        elif _ESCAPED[escaped]:
            at += 2
        else:
            return -1
        at = plain_end(text, at)
    return at + 1 if byte_at(text, at) == _QUOTE else -1


@inlined
def _after_digits(text: Text, at: int) -> int:
    first = at
    while _ZERO <= byte_at(text, at) <= _NINE:
        at += 1
    return at if at > first else -1


@inlined
def _after_number(text: Text, at: int) -> int:
    if byte_at(text, at) == _MINUS:
        at += 1
    if byte_at(text, at) == _ZERO:
        at += 1
    else:
        at = _after_digits(text, at)
    if at > 0 and byte_at(text, at) == _POINT:
        at = _after_digits(text, at + 1)
    if at > 0 and (byte_at(text, at) == _SMALL_E or byte_at(text, at) == _LARGE_E):
        at += 1
        if byte_at(text, at) == _PLUS or byte_at(text, at) == _MINUS:
            at += 1
        at = _after_digits(text, at)
    return at


@inlined
def after_null(text: Text, at: int) -> int:
    """Behind a null."""
    return at + 4 if (word_at(text, at) & _HALF) == _NULL else -1


@inlined
def _after_scalar(text: Text, at: int) -> int:
    if byte_at(text, at) == _QUOTE:
        return after_string(text, at)
    word = word_at(text, at) & _HALF
    if word == _TRUE:
        return at + 4
    if word == _FALS:
        return at + 5 if byte_at(text, at + 4) == _SMALL_E else -1
    behind = after_null(text, at)
    return behind if behind >= 0 else _after_number(text, at)


@inlined
def value_after(text: Text, name_end: int) -> int:
    """Where the value begins of the member whose name's closing quote is at ``name_end``; a name that is none has no value."""
    if name_end < 0:
        return -1
    at = after_space(text, name_end + 1)
    return after_space(text, at + 1) if byte_at(text, at) == _COLON else -1


@inlined
def _value_of_member(text: Text, at: int) -> int:
    """Where the value of the member begins whose name begins at ``at``."""
    return value_after(text, after_string(text, at) - 1)


@inlined
def after_value(text: Text, at: int) -> int:
    """Behind any value; at most ``NESTED_MAX`` objects and lists within each other."""
    is_nested = byte_at(text, at) == _OPEN or byte_at(text, at) == _OPEN_LIST
    return _after_nested(text, at) if is_nested else _after_scalar(text, at)


@shared
def _after_nested(text: Text, at: int) -> int:
    depth, objects = 0, np.uint64(0)  # a bit for each level, the lowest for the innermost: whether it is an object
    while True:
        is_object = byte_at(text, at) == _OPEN
        if is_object or byte_at(text, at) == _OPEN_LIST:
            if depth == NESTED_MAX:
                return -1
            depth += 1
            objects = (objects << _BIT) | np.uint64(is_object)
            at = after_space(text, at + 1)
            if byte_at(text, at) != _closing(objects):
                at = _value_of_item(text, at, objects)
                if at < 0:
                    return -1
                continue
        else:
            at = _after_scalar(text, at)
            if at < 0:
                return -1
        at = after_space(text, at)
        while byte_at(text, at) != _COMMA:
            if byte_at(text, at) != _closing(objects):
                return -1
            depth -= 1
            objects >>= _BIT
            if not depth:
                return at + 1
            at = after_space(text, at + 1)
        at = _value_of_item(text, after_space(text, at + 1), objects)
        if at < 0:
            return -1


@inlined
def _closing(objects: Any) -> Any:
    return _CLOSE if objects & _BIT else _CLOSE_LIST


@inlined
def _value_of_item(text: Text, at: int, objects: Any) -> int:
    return _value_of_member(text, at) if objects & _BIT else at


@inlined
def is_utf8(text: Text, start: int, end: int) -> Any:
    """Whether these bytes are UTF-8 (RFC 3629: nothing overlong, no surrogates, nothing beyond U+10FFFF)."""
    while start < end:
        lead = byte_at(text, start)
        start += 1
        if lead < 0x80:
            continue
        more = 1 if lead < 0xE0 else 2 if lead < 0xF0 else 3
        second = byte_at(text, start) if start < end else 0
        least = 0xA0 if lead == 0xE0 else 0x90 if lead == 0xF0 else 0x80
        most = 0x9F if lead == 0xED else 0x8F if lead == 0xF4 else 0xBF
        if not (0xC2 <= lead <= 0xF4 and least <= second <= most and start + more <= end):
            return False
        for place in range(start + 1, start + more):
            if not 0x80 <= byte_at(text, place) <= 0xBF:
                return False
        start += more
    return True


@inlined
def first_member(text: Text, at: int) -> int:
    """The first member's name in the object at ``at``, or its closing brace."""
    return after_space(text, at + 1) if byte_at(text, at) == _OPEN else -1


@inlined
def is_closed(text: Text, at: int) -> Any:
    """Whether this is a closing brace."""
    return byte_at(text, at) == _CLOSE


@inlined
def next_member(text: Text, at: int) -> int:
    """From behind a member's value: the next member's name, or the closing brace."""
    at = after_space(text, at)
    if byte_at(text, at) == _COMMA:
        at = after_space(text, at + 1)
        return at if byte_at(text, at) == _QUOTE else -1
    return at if byte_at(text, at) == _CLOSE else -1
