"""Structured logs: one JSON object a line on standard error, ids and reasons only."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import structlog


def _as_json(fields: Any, default: Callable[[Any], Any], **_: Any) -> str:
    """One object as JSON; of what JSON has not, what ``default`` makes. A text that is not Unicode is escaped."""
    try:
        return msgspec.json.encode(fields, enc_hook=default).decode()
    except UnicodeEncodeError:
        return json.dumps(fields, default=default)


def log_to_stderr() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(_as_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
