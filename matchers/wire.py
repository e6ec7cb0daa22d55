"""What every message of the contract shares: how its fields are read, strictly or leniently.

Required fields are strict: a wrong type makes the record unreadable. Other fields are lenient: a wrong value is dropped from
what the engine looks at, noted as a warning, and still carried in the record as it was sent. Unknown fields are carried.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Final

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WrapValidator
from pydantic_core.core_schema import ValidatorFunctionWrapHandler, ValidationInfo

RECORD_BYTES_MAX: Final = 1 << 20
"""A record longer than this is unreadable: Kafka's own default limit for a message."""

AwareTime = Annotated[dt.datetime, msgspec.Meta(tz=True)]
"""What msgspec reads as an RFC 3339 timestamp with an offset."""


def _rfc3339(value: object) -> dt.datetime:
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value
    if not isinstance(value, str):
        raise ValueError("not an RFC 3339 timestamp: it must be a string")
    leap = value[17:19] == "60"
    try:
        moment: dt.datetime = msgspec.convert(value[:17] + "59" + value[19:] if leap else value, AwareTime)
    except msgspec.ValidationError:
        raise ValueError("not an RFC 3339 timestamp with an offset") from None
    return moment + dt.timedelta(seconds=1) if leap else moment


Timestamp = Annotated[dt.datetime, BeforeValidator(_rfc3339, json_schema_input_type=dt.datetime)]
Text = Annotated[str, Field(strict=True)]
NonEmpty = Annotated[str, Field(strict=True, min_length=1)]


def _drop_with_warning(value: Any, read: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    try:
        return read(value)
    except ValidationError as error:
        warnings = info.context.get("warnings") if isinstance(info.context, dict) else None
        if warnings is not None:
            warnings.append(f"{info.field_name}: {reason(error)}; the value is carried but not looked at")
        return None


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
        UnreadableError: too long, not UTF-8, not JSON, or JSON but no object.
    """
    if len(raw) > RECORD_BYTES_MAX:
        raise UnreadableError("too_long", f"the record has {len(raw)} bytes, the limit is {RECORD_BYTES_MAX}")
    try:
        value = msgspec.json.decode(raw)
    except UnicodeDecodeError as error:
        raise UnreadableError("not_utf8", f"the record is not UTF-8 at byte {error.start} of a text") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise UnreadableError("not_json", f"the record is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UnreadableError("not_an_object", "the record is JSON but not an object")
    return value


def reason(error: ValidationError) -> str:
    """What a validation found, in one line and without the values (they may be personal data)."""
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}".removeprefix(": ")
        for item in error.errors(include_input=False, include_url=False, include_context=False)
    )
