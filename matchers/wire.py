"""What every message of the contract shares: how its fields are read, strictly or leniently.

Required fields are strict: a wrong type makes the record unreadable. Other fields are lenient: a wrong value is dropped from
what the engine looks at, noted as a warning, and still carried in the record as it was sent. Unknown fields are carried.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Iterable
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WrapValidator
from pydantic_core.core_schema import ValidationInfo, ValidatorFunctionWrapHandler

RECORD_BYTES_MAX: Final = 1 << 20
"""A record longer than this is unreadable: Kafka's own default limit for a message."""

DEPTH_MAX: Final = 64
"""Nothing of the contract is nested so deep, and what is carried must be written again: serialisers give up at some 250."""

_FINER: Final = re.compile(r"(?<=\.[0-9]{6})[0-9]+")
"""Digits finer than a microsecond: cut off, for rounding would carry a moment over the end of a control period."""
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_TEXT_OR_BRACKET: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
"""A text that does not end goes to the end, so that no part of it is looked at twice."""
_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
"""An escape in JSON; its group is a surrogate without its other half."""

_PLAIN_NAME: Final = re.compile("[A-Za-z][A-Za-z_-]{0,63}[0-9]{0,3}")
UNTOLD: Final = "(a name not repeated here)"

AwareTime = Annotated[dt.datetime, msgspec.Meta(tz=True)]
"""What msgspec reads as an RFC 3339 timestamp with an offset."""


def _rfc3339(value: object) -> dt.datetime:
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value
    if not isinstance(value, str):
        raise ValueError("not an RFC 3339 timestamp: it must be a string")
    value = _FINER.sub("", value)
    leap = value[17:19] == "60"
    try:
        moment: dt.datetime = msgspec.convert(value[:17] + "59" + value[19:] if leap else value, AwareTime)
        return moment + dt.timedelta(seconds=1) if leap else moment
    except (msgspec.ValidationError, UnicodeEncodeError, OverflowError):
        raise ValueError("not an RFC 3339 timestamp with an offset") from None


def _undamaged(text: str) -> str:
    """Refuses a text that ``read_damaged`` could only read in part: its unpaired surrogates have no UTF-8."""
    if not text.isascii() and _SURROGATE.search(text):
        raise ValueError("not a text: it holds bytes that are not UTF-8, or an unpaired surrogate")
    return text


Timestamp = Annotated[dt.datetime, BeforeValidator(_rfc3339, json_schema_input_type=dt.datetime)]
Text = Annotated[str, Field(strict=True), AfterValidator(_undamaged)]
NonEmpty = Annotated[str, Field(strict=True, min_length=1), AfterValidator(_undamaged)]


def _drop_with_warning(value: Any, read: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    warnings: list[str] = info.context.get("warnings", []) if isinstance(info.context, dict) else []
    before = len(warnings)
    try:
        result = read(value)
    except ValidationError as error:
        warnings[before:] = [f"{info.field_name}: {reason(error)}; the value is carried but not looked at"]
        return None
    if len(warnings) > before:
        warnings[before:] = [f"{info.field_name}.{within}" for within in warnings[before:]]
    return result


LENIENT: Final = WrapValidator(_drop_with_warning)
"""Marks a field whose wrong values are dropped with a warning: ``Annotated[Text | None, LENIENT] = None``."""


class Message(BaseModel):
    """A part of a message: frozen, and carrying fields that this version does not know."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)


class UnreadableError(ValueError):
    """A record that cannot be read. ``reason`` is a short code for metrics, ``detail`` says what and where, without values."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def read_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in a record.

    Raises:
        UnreadableError: too long, nested too deep, not UTF-8, not JSON, or JSON but no object.
    """
    if len(raw) > RECORD_BYTES_MAX:
        raise UnreadableError("too_long", f"the record has {len(raw)} bytes, the limit is {RECORD_BYTES_MAX}")
    if is_deep(raw):
        raise UnreadableError("too_deep", f"the record is nested more than {DEPTH_MAX} deep")
    try:
        value = msgspec.json.decode(raw)
    except UnicodeDecodeError as error:
        raise UnreadableError("not_utf8", f"the record is not UTF-8 at byte {error.start} of a text") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise UnreadableError("not_json", f"the record is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UnreadableError("not_an_object", "the record is JSON but not an object")
    return value


def is_deep(raw: bytes) -> bool:
    """Whether JSON is nested more than ``DEPTH_MAX`` deep. Of what is no JSON it says anything, in linear time."""
    if raw.count(b"[") + raw.count(b"{") <= DEPTH_MAX:
        return False
    depth = 0
    for found in _TEXT_OR_BRACKET.finditer(raw):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(found[0], 0)
        if depth > DEPTH_MAX:
            return True
    return False


def unwritable(raw: bytes) -> str | None:
    """What is wrong with JSON that a lenient reader takes and nobody could write again; None: nothing. It says no values."""
    if is_deep(raw):
        return f"nested more than {DEPTH_MAX} deep"
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return "not UTF-8"
    if "\0" in text:  # UTF-16 or UTF-32, which such a reader guesses
        return "not UTF-8"
    if any(found[1] for found in _ESCAPE.finditer(text)):
        return "a text in it has an unpaired surrogate"
    return None


def read_damaged(raw: bytes) -> dict[str, Any] | None:
    """The JSON object in a record that ``read_object`` refuses, where the damage is to single values; else None.

    A byte that is not UTF-8 (a name in GBK, a text cut within a character) is read as an unpaired surrogate, which also may
    be written out; ``Text`` accepts neither, so the damage costs its own field only. So does a number that no type holds.
    """
    try:
        value = json.loads(
            raw.decode("utf-8", "surrogateescape"),
            object_pairs_hook=_with_legible_names,
            parse_float=_float,
            parse_int=_int,
            parse_constant=_no_constant,
        )
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def mended(value: Any, left: int = DEPTH_MAX) -> Any:
    """What ``read_damaged`` read, as it can be written: in place of each damaged value an object that shows what is left.

    An object, for whoever reads it again must not take the rest of a name for a name. Nothing is left of what is nested too
    deep; ``left`` says how much deeper is not.
    """
    if isinstance(value, _Unheld):
        return {"damaged": value.digits}
    if isinstance(value, str):
        return {"damaged": _legible(value)} if _SURROGATE.search(value) else value
    if isinstance(value, list | dict) and not left:
        return None
    if isinstance(value, list):
        return [mended(item, left - 1) for item in value]
    if isinstance(value, dict):
        return {name: mended(item, left - 1) for name, item in value.items()}
    return value


def _legible(text: str) -> str:
    return _SURROGATE.sub("\ufffd", text)


def _with_legible_names(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    return {_legible(name): value for name, value in fields}


class _Unheld(NamedTuple):
    """A number of JSON that is beyond floats, or of more digits than Python converts."""

    digits: str


def _float(number: str) -> float | _Unheld:
    value = float(number)
    return value if math.isfinite(value) else _Unheld(number)


def _int(number: str) -> int | _Unheld:
    try:
        return int(number)
    except ValueError:
        return _Unheld(number)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def reason(error: ValidationError) -> str:
    """What a validation found, in one line and without the values (they may be personal data)."""
    return "; ".join(
        f"{place(item['loc'])}: {item['msg']}".removeprefix(": ")
        for item in error.errors(include_input=False, include_url=False, include_context=False)
    )


def place(parts: Iterable[int | str]) -> str:
    """Where something is wrong. A name that no form of ours would have may be anything, a person's too, and is not repeated."""
    return ".".join(str(part) if isinstance(part, int) or _PLAIN_NAME.fullmatch(part) else UNTOLD for part in parts)
