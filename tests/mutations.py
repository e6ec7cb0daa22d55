"""Messages gone wrong: a good one, changed in a few places as no schema would have it, as the bytes that come over the line.

Every text that is put in holds ``CANARY``, so that a test can tell whether a refusal repeats what was sent.
"""

from __future__ import annotations

import copy
import json
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

CANARY: Final = "查控zq7x"


class Raw(NamedTuple):
    """JSON as it stands, or what only looks like it."""

    text: str


class Twice(NamedTuple):
    """Two values under one name."""

    first: Any
    second: Any


DEEP: Final = 20_000
"""Beyond every reader."""
CARRIED: Final = 300
"""Read by all, and beyond most that write."""
LONG: Final = 200_000
MANY: Final = 2_000
ODD_TEXTS: Final = (
    "",
    " ",
    CANARY,
    CANARY + "\x00",
    CANARY + "\ud800",
    "\udc00" + CANARY,
    CANARY * (LONG // len(CANARY)),
    "\u202e" + CANARY + "\ufeff\u0301",
    "9999-12-31T23:59:59-23:59",
    "9999-12-31T23:59:60+00:00",
    "0001-01-01T00:00:00+23:59",
    "2026-02-30T00:00:00+08:00",
    "2026-11-24T22:14:03",
    "0000-00-00",
    "９９９９",
    "-0",
)
ODD_VALUES: Final = (
    None,
    True,
    False,
    0,
    -1,
    1 << 31,
    1 << 53,
    1 << 63,
    1 << 64,
    -(1 << 63) - 1,
    0.5,
    1e308,
    [],
    {},
    [None],
    {"": None},
    [[CANARY]],
    {CANARY: {CANARY: CANARY}},
    Raw("NaN"),
    Raw("Infinity"),
    Raw("-Infinity"),
    Raw("1e999"),
    Raw("-0.0"),
    Raw("9" * 5000),
    Raw("1" + "0" * 400),
    Raw("1" + "0" * 400 + ".5"),
    Raw("[" * DEEP + "]" * DEEP),
    Raw('{"a":' * DEEP + "1" + "}" * DEEP),
    Raw("[" * CARRIED + "]" * CARRIED),
    Raw('{"a":' * CARRIED + "1" + "}" * CARRIED),
    Raw("01"),
    Raw(""),
    Raw(f"'{CANARY}'"),
)


def odd() -> st.SearchStrategy[Any]:
    """A value that nobody expects; a copy, since a later change may be within it."""
    return (st.sampled_from(ODD_TEXTS) | st.sampled_from(ODD_VALUES)).map(copy.deepcopy)


@st.composite
def changed(draw: st.DrawFn, good: Any) -> bytes:
    """The bytes of a good message after one to three changes."""
    value = copy.deepcopy(good)
    for _ in range(draw(st.integers(1, 3))):
        value = _change(draw, value)
    return _damaged(draw, as_json(value).encode("utf-8", "surrogatepass"))


def as_json(value: Any) -> str:
    """JSON of a value that may hold ``Raw`` and ``Twice``."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, dict):
        return "{" + ",".join(member for name, item in value.items() for member in _members(name, item)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(as_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _members(name: str, value: Any) -> list[str]:
    values = value if isinstance(value, Twice) else (value,)
    return [f"{json.dumps(name, ensure_ascii=False)}:{as_json(item)}" for item in values]


def _change(draw: st.DrawFn, value: Any) -> Any:
    """The value with one of its parts changed; each part is as likely, and the whole one of them."""
    places = list(_places(value))
    holder, name = draw(st.sampled_from(places)) if places else (None, None)
    if holder is None:
        return draw(odd())
    how = draw(st.sampled_from(("replace", "replace", "drop", "twice", "add", "wrap", "as text")))
    if how == "drop":
        del holder[name]
    elif how == "add" and isinstance(holder, dict):
        holder[draw(st.sampled_from((CANARY, "", "\ud800", "__class__")))] = draw(odd())
    elif how == "twice" and isinstance(holder, dict):
        holder[name] = Twice(holder[name], draw(odd()))
    elif how == "wrap":
        holder[name] = draw(st.sampled_from(([holder[name]], Raw(_many(holder[name])), {"a": holder[name]})))
    elif how == "as text":
        holder[name] = as_json(holder[name])
    else:
        holder[name] = draw(odd())
    return value


def _many(value: Any) -> str:
    return "[" + ",".join([as_json(value)] * MANY) + "]"


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every part of a value, by what holds it; the first is the whole, which nothing holds."""
    found: list[tuple[Any, Any]] = [(None, None)]
    left = [value]
    while left:
        holder = left.pop()
        inner = holder.items() if isinstance(holder, dict) else enumerate(holder) if isinstance(holder, list) else ()
        for name, item in inner:
            found.append((holder, name))
            left.append(item)
    return found


def _damaged(draw: st.DrawFn, raw: bytes) -> bytes:
    """Nine times of ten the bytes as they are; else cut, with bytes that are no UTF-8, or with something before or behind."""
    how = draw(st.integers(0, 19))
    at = draw(st.integers(0, len(raw)))
    damaged = {0: raw[:at], 1: raw[:at] + b"\xff\xc3" + raw[at:], 2: b"\xef\xbb\xbf" + raw, 3: raw + b"\x00{}"}
    return damaged.get(how, raw)
