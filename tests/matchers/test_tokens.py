"""Tokens: what the machine code takes for JSON and UTF-8 is what Python does."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from matchers.tokens import PADDING, after_value, is_utf8

PIECES = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    "\\",
    "a",
    "\\u00e9",
    "\\n",
    "1",
    "-",
    "0.5",
    "e3",
    "true",
    "false",
    "null",
    " ",
    "\t",
    "\x01",
]


def as_text(raw: bytes) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer(bytearray(raw + bytes(PADDING)), np.uint8)


@given(st.binary(max_size=12) | st.text(max_size=6).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example("\ud800".encode("utf-8", "surrogatepass"))
@example(b"\xc0\x80")
@example(b"\xf4\x90\x80\x80")
@settings(max_examples=2000, deadline=None)
def test_utf8_is_what_python_decodes(raw: bytes) -> None:
    try:
        raw.decode()
        decodes = True
    except UnicodeDecodeError:
        decodes = False
    assert bool(is_utf8(as_text(raw), 0, len(raw))) == decodes
    assert bool(is_utf8(as_text(raw + b"\x80\xbf"), 0, len(raw))) == decodes, "it looked beyond the end"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(values, st.booleans(), st.sampled_from([None, 1]))
@settings(max_examples=500, deadline=None)
def test_any_value_is_passed_over_to_its_end(value: object, ascii_only: bool, indent: int | None) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    assert after_value(as_text(raw), 0) == len(raw)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@settings(max_examples=3000, deadline=None)
def test_what_is_no_json_is_not_passed_over(written: str) -> None:
    raw = written.strip(" \t").encode()
    try:
        json.loads(raw)
        is_json = True
    except ValueError:
        is_json = False
    end = after_value(as_text(raw), 0) if raw else -1
    assert (end == len(raw)) == is_json
